"""Kolla-Ansible for all hosts of a stack: one run of each step for those that need it, a result for each."""
