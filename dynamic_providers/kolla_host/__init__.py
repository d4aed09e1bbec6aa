"""A host for Kolla-Ansible: its kickstart, its own file in the inventory, and whether it is fit to be enrolled."""
