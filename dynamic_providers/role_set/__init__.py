"""The roles that one user or group has directly on one project, domain or the system."""
