"""Hosts: installed, enrolled by Kolla-Ansible, brought to their OS image, and monitored."""
