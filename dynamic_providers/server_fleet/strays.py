"""What killed runs left beside the members of a fleet: second servers, ports that nothing uses, allocations of no server.

Nobody can tell at once whether another run is just about to use such a thing. So it is deleted only where an earlier
run, long enough ago, saw it too.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from clients import exact
from clients.openstack import answered
from clients.progress import log_line
from dynamic_providers.server_fleet.nova import Nova, pages
from dynamic_providers.server_fleet.plan import Action, Step
from dynamic_providers.server_fleet.server import Server

if TYPE_CHECKING:
    from openstack.connection import Connection

CERTAIN_AFTER = timedelta(minutes=10)
_PLACEMENT = "1.38"  # usages say how many consumers there are
_MIGRATIONS = "2.80"  # of one project and user


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


def stray_allocations(nova: Nova, servers: Collection[Server]) -> list[str]:
    """The consumers in Placement that the fleet's account made, and that are neither servers nor migrations.

    One request where the account has no more consumers than the fleet has SERVERS; else all hosts are looked at.
    Nova gives its consumers no type.
    """
    whose = {"project_id": nova.args.project_id, "user_id": nova.own.current_user_id or ""}
    asked = nova.admin.placement.get("/usages", params={**whose}, microversion=_PLACEMENT)
    usages = answered(asked, "Placement", "count consumers")["usages"]
    if sum(kind["consumer_count"] for kind in usages.values()) <= len(servers):
        return []
    hosts = _placement(nova, "/resource_providers")["resource_providers"]
    consumers = {
        consumer
        for host in hosts
        for consumer in _placement(nova, f"/resource_providers/{host['uuid']}/allocations")["allocations"]
    }
    # Only now: whatever is made meanwhile is known then.
    known = {row["id"] for row in pages(nova.admin, "/servers", {"all_tenants": "1"})}
    known |= {row["uuid"] for row in pages(nova.admin, "/os-migrations", whose, "migrations", _MIGRATIONS)}
    return [
        consumer
        for consumer in sorted(consumers - known)
        if exact.only([_placement(nova, f"/allocations/{consumer}")], whose)
    ]


def _placement(nova: Nova, url: str) -> dict[str, Any]:
    answer = nova.admin.placement.get(url, microversion=_PLACEMENT)
    return dict(answered(answer, "Placement", f"show {url}"))


def collect(
    nova: Nova,
    steps: Iterable[Step],
    ports: Iterable[StrayPort],
    allocations: Collection[str],
    seen: Mapping[str, str],
) -> dict[str, str]:
    """Delete those that were SEEN long enough ago; the others, and when they were first seen, by id."""
    now = datetime.now(UTC)
    found = {
        step.server.id: step for step in steps if step.action is Action.STRAY and step.server is not None
    }
    left: dict[str, str] = {}
    for identifier in (*found, *(port.id for port in ports), *allocations):
        first = seen.get(identifier)
        step = found.get(identifier)
        locked = bool(step and step.server and step.server.locked)
        if first is None or locked or now - datetime.fromisoformat(first) < CERTAIN_AFTER:
            left[identifier] = first or now.isoformat(timespec="seconds")
            continue
        log_line(f"{identifier} is left from a killed run, as it was at {first}: it is deleted")
        if step and step.server:
            nova.delete(step.server)
        elif identifier in allocations:
            answer = nova.admin.placement.delete(f"/allocations/{identifier}")
            answered(answer, "Placement", f"delete allocation {identifier}", HTTPStatus.NOT_FOUND)
        else:
            answer = nova.own.network.delete(f"/ports/{identifier}")
            answered(answer, "Neutron", f"delete port {identifier}", HTTPStatus.NOT_FOUND)
    return left
