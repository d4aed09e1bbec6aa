"""Keystone's cache: what it read from a directory, or of a domain's configuration, it knows for a second more."""

from lab.services import memcached
from lab.settings import Lab


def forget(lab: Lab) -> None:
    """Empties the cache."""
    assert memcached.ask(lab, "flush_all") == b"OK\r\n"
