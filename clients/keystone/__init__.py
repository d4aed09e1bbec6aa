"""Keystone, beyond what the SDK's calls do."""
