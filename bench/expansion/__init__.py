"""OSDs join the lab's Ceph while clients write, by several ways: `make bench-expansion`."""
