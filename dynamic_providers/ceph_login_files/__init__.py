"""A cephx user's login as files: ceph.conf and keyrings, which every client of Ceph reads as they are."""
