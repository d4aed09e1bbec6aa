"""Neutron: calls and values that more than one place needs."""
