"""A real cloud on one machine, on loopback: Ceph, MariaDB, Keystone, Glance, Neutron and OpenLDAP.

``python -m lab install | up | down | status | reset | env``; docs/lab.md says what each does.
"""
