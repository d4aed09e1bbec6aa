"""A real cloud on one machine, on loopback: Ceph, Keystone, Glance, Neutron, Nova, Cinder, a directory.

``python -m lab install | up | down | status | reset | env``; docs/lab.md says what each does.
"""
