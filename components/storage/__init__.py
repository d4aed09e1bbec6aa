"""Ceph and Glance: golden images and cephx users."""
