"""A cephx user: who may do what in Ceph, with the key that proves it."""
