"""What killed runs left beside the members of a fleet: second servers, and ports that nothing uses.

Nobody can tell at once whether another run is just about to use such a thing. So it is deleted only where an earlier
run, long enough ago, saw it too.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from clients import exact
from clients.openstack import answered
from clients.progress import log_line
from dynamic_providers.server_fleet.nova import Nova
from dynamic_providers.server_fleet.plan import Action, Step

if TYPE_CHECKING:
    from openstack.connection import Connection

CERTAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class StrayPort:
    """A port of a fleet that is no member's and that nothing uses."""

    id: str
    name: str


def port_description(owner_stack: str, fleet: str) -> str:
    """What all ports of a fleet say of themselves from the moment they are made."""
    return f"Fleet {fleet} of the Pulumi stack {owner_stack}"


def stray_ports(
    conn: "Connection", project_id: str, description: str, own: Collection[str]
) -> list[StrayPort]:
    """The ports of the fleet beside its OWN that no server has; one request."""
    answer = conn.network.get("/ports", params={"project_id": project_id})
    rows = answered(answer, "Neutron", f"list the ports of project {project_id}")["ports"]
    free = exact.only(rows, {"description": description, "device_id": ""})
    return [StrayPort(row["id"], row["name"]) for row in free if row["id"] not in own]


def described(ports: Iterable[StrayPort]) -> dict[str, str]:
    """STRAYS as a plan shows them."""
    return {port.id: f"{Action.STRAY}: port {port.name} is no member's" for port in ports}


def collect(
    nova: Nova, steps: Iterable[Step], ports: Iterable[StrayPort], seen: Mapping[str, str]
) -> dict[str, str]:
    """Delete those that were SEEN long enough ago; the others, and when they were first seen, by id."""
    now = datetime.now(UTC)
    found = {
        step.server.id: step for step in steps if step.action is Action.STRAY and step.server is not None
    }
    left: dict[str, str] = {}
    for identifier in (*found, *(port.id for port in ports)):
        first = seen.get(identifier)
        step = found.get(identifier)
        locked = bool(step and step.server and step.server.locked)
        if first is None or locked or now - datetime.fromisoformat(first) < CERTAIN_AFTER:
            left[identifier] = first or now.isoformat(timespec="seconds")
            continue
        log_line(f"{identifier} is left from a killed run, as it was at {first}: it is deleted")
        if step and step.server:
            nova.delete(step.server)
        else:
            _delete_port(nova.own, identifier)
    return left


def _delete_port(own: "Connection", port_id: str) -> None:
    answer = own.network.delete(f"/ports/{port_id}")
    if answer.status_code != HTTPStatus.NOT_FOUND:
        answered(answer, "Neutron", f"delete port {port_id}")
