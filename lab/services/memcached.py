"""memcached, in which Keystone remembers accounts, projects and roles, as under Kolla.

Its workers share it, so what one of them forgets (a role that was revoked) no other remembers.
"""

from __future__ import annotations

import functools
import socket
from typing import TYPE_CHECKING

from lab import packages
from lab.daemon import Daemon, UnhealthyError

if TYPE_CHECKING:
    from pathlib import Path

    from lab.settings import Lab

MEMORY = 32  # MiB


def path(lab: Lab) -> Path:
    """Return its socket, which root alone may open: tokens' contents are in it."""
    return lab.run / "memcached.socket"


def ask(lab: Lab, command: str) -> bytes:
    """Send a command of one line; return the answer, likewise."""
    with socket.socket(socket.AF_UNIX) as conversation:
        conversation.settimeout(5)
        conversation.connect(str(path(lab)))
        conversation.sendall(f"{command}\r\n".encode())
        return conversation.recv(64)


def health(lab: Lab) -> str:
    """Ask for its version."""
    try:
        answer = ask(lab, "version")
    except OSError as problem:
        raise UnhealthyError(f"no answer ({problem})") from None
    if not answer.startswith(b"VERSION "):
        raise UnhealthyError(f"it does not speak memcached's protocol: {answer!r}")
    return "answers"


def daemons(lab: Lab) -> tuple[Daemon, ...]:
    """List the one server."""
    options = ("-u", "root", "-s", str(path(lab)), "-a", "0600", "-m", str(MEMORY), "-t", "1")
    server = Daemon(
        name="memcached",
        command=("/usr/bin/memcached", *options),
        address="-",
        version=functools.partial(packages.version, "memcached"),
        check=functools.partial(health, lab),
    )
    return (server,)
