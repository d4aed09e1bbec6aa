"""Keystone's cache: what it read from a directory, or of a domain's configuration, it knows for a second more."""

import socket

from lab.services import memcached
from lab.settings import Lab


def forget(lab: Lab) -> None:
    """Empties the cache."""
    with socket.socket(socket.AF_UNIX) as conversation:
        conversation.settimeout(5)
        conversation.connect(str(memcached.path(lab)))
        conversation.sendall(b"flush_all\r\n")
        assert conversation.recv(64) == b"OK\r\n"
