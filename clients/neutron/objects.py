"""Networks and subnets in Neutron, by their ids."""

from typing import Any, Literal

from openstack import exceptions

from clients.errors import CloudError
from clients.openstack import Connection

Kind = Literal["network", "subnet"]


def get(conn: Connection, kind: Kind, id_: str) -> Any | None:
    """The one of KIND with this id; None where there is none."""
    try:
        return getattr(conn.network, f"get_{kind}")(id_)
    except exceptions.NotFoundException:
        return None


def change(conn: Connection, kind: Kind, id_: str, what: str, **changes: Any) -> None:
    """Send the CHANGES of one of KIND; WHAT they are is for a sentence."""
    try:
        getattr(conn.network, f"update_{kind}")(id_, **changes)
    except (exceptions.BadRequestException, exceptions.NotFoundException) as error:
        raise CloudError(f"{kind} {id_} does not take its {what}: {str(error).splitlines()[0]}") from error
