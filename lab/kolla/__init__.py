"""What Kolla-Ansible needs of the lab: its own folder, images, a database to knock at, and agents that report."""
