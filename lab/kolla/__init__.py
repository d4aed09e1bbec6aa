"""What Kolla-Ansible needs in the lab: its configuration folder, images, a database, and agents that report."""
