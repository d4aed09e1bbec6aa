"""New Relic's infrastructure agent on the hosts of a stack: one Ansible run, a result a host."""
