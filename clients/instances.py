"""Instances on a compute host, as Nova knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openstack.connection import Connection

_RUNNING = 1  # power_state; https://docs.openstack.org/api-ref/compute/#servers-servers


def running_on(connection: Connection, host: str) -> list[str]:
    """Name the instances of all projects that run on the compute host, as NAME (ID)."""
    servers = connection.compute.servers(all_projects=True, host=host)
    return sorted(f"{server.name} ({server.id})" for server in servers if server.power_state == _RUNNING)
