"""Neutron: provider networks with their subnets and shares."""
