"""Simulated bare-metal hosts: a root, links, disks and a systemd of their own, in namespaces of this machine."""
