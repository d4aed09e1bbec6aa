"""LDAP directories: looked at before Keystone is told to read them."""
