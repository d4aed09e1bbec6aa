"""A golden image: QCOW2 or RAW to a protected RBD snapshot that Glance knows by location."""
