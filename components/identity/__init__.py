"""Keystone: domains, projects with their limits and default security group, accounts, role grants."""
