"""What a run that was killed has left in the lab: everything that bears the name of a block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from openstack.connection import Connection
    from openstack.identity.v3._proxy import Proxy

_NAME = re.compile(r"bench-\d{3}")


def sweep(connection: Connection) -> int:
    """Remove it; returns how many things that were. A network takes its subnets and policies with it."""
    swept = 0
    for network in connection.network.networks():
        if _NAME.fullmatch(network.name):
            connection.network.delete_network(network, ignore_missing=True)
            swept += 1
    identity = cast("Proxy", connection.identity)
    for user in identity.users():
        if _NAME.fullmatch(user.name):
            identity.delete_user(user, ignore_missing=True)
            swept += 1
    for project in identity.projects():
        if _NAME.fullmatch(project.name):
            identity.delete_project(project, ignore_missing=True)
            swept += 1
    return swept
