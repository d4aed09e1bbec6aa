"""lab-qemu: a compute host on which servers really run, with a switch and DHCP of its own."""
