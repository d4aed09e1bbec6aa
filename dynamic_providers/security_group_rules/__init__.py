"""The rules of a security group with a name."""
