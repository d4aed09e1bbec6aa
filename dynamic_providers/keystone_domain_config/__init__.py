"""The identity driver of a domain and its options, such as those of an LDAP directory."""
