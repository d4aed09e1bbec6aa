"""A server group, which Nova makes in the project of a login."""
