"""Subnets in Neutron."""

from typing import Any

from openstack import exceptions
from openstack.connection import Connection

from clients.errors import CloudError


def get(conn: Connection, id_: str) -> Any | None:
    """The subnet with this id; None where there is none."""
    try:
        return conn.network.get_subnet(id_)
    except exceptions.NotFoundException:
        return None


def change(conn: Connection, id_: str, what: str, **changes: Any) -> None:
    """Send the CHANGES of a subnet; WHAT they are is for a sentence."""
    try:
        conn.network.update_subnet(id_, **changes)
    except (exceptions.BadRequestException, exceptions.NotFoundException) as error:
        raise CloudError(f"subnet {id_} does not take its {what}: {str(error).splitlines()[0]}") from error
