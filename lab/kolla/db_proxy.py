"""A proxy to the lab's database on the hosts' network, which Kolla's prechecks contact from every host."""

from __future__ import annotations

import functools
import socket
from typing import TYPE_CHECKING

from lab import packages
from lab.daemon import Daemon, UnhealthyError

if TYPE_CHECKING:
    from lab.settings import Lab

NAME = "db-proxy"


def health(lab: Lab) -> str:
    """Connect and read the database's greeting."""
    try:
        with socket.create_connection((lab.machine_address, lab.ports.mariadb), timeout=5) as connection:
            greeting = connection.recv(64)
    except OSError as problem:
        raise UnhealthyError(f"no answer ({problem})") from None
    if not greeting:
        raise UnhealthyError("nobody behind it")
    return "the database greets"


def daemons(lab: Lab) -> tuple[Daemon, ...]:
    """List the one daemon. Its clients have to log in to the database."""
    port = lab.ports.mariadb
    return (
        Daemon(
            name=NAME,
            command=(
                "/usr/bin/socat",
                f"TCP-LISTEN:{port},bind={lab.machine_address},reuseaddr,fork",
                f"TCP:{lab.address}:{port}",
            ),
            address=f"{lab.machine_address}:{port}",
            version=functools.partial(packages.version, "socat"),
            check=functools.partial(health, lab),
        ),
    )
