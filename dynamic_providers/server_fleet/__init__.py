"""Fleets: the servers of one fleet are one resource, because only that can order canary, waves and rollback."""
