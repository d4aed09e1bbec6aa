"""Fakes for hosts that this machine does not have."""
