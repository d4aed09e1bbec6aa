"""What Neutron knows of one host: its agents, and the routers and networks that they alone serve.

API: https://docs.openstack.org/api-ref/network/v2/ (agents, schedulers, tags), at the REST level: the SDK's calls for an
agent's routers and networks (4.22, `add_router_to_agent` and the like) look at no status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from clients import exact
from clients.openstack import Connection, answered
from dynamic_providers.kolla_deployment.nova_host import REASON

if TYPE_CHECKING:
    from openstack.network.v2.agent import Agent

SWITCH = "Open vSwitch agent"


@dataclass(frozen=True)
class Kind:
    """A kind of thing that an agent serves, and its words in Neutron's API."""

    singular: str
    plural: str
    agent: str
    on_agent: str
    agents: str


ROUTER = Kind("router", "routers", "L3 agent", "l3-routers", "l3-agents")
NETWORK = Kind("network", "networks", "DHCP agent", "dhcp-networks", "dhcp-agents")


@dataclass(frozen=True)
class Served:
    """A router, or a network's DHCP.

    Attributes:
        agent_id: of the agent on the host in question.
        zones: the availability zones it asks for.
        elsewhere: agents on other hosts that have it too and serve.
    """

    kind: Kind
    id: str
    name: str
    agent_id: str
    zones: tuple[str, ...]
    physical_network: str | None
    elsewhere: tuple[str, ...]


def agents(conn: Connection, host: str | None = None) -> list["Agent"]:
    """All agents, or those of one host."""
    from openstack.network.v2.agent import Agent

    answer, rows = exact.listed(conn.network, "agents", {"host": host} if host else {})
    answered(answer, "Neutron", "list its agents")
    return [Agent(**row) for row in rows]


def serves(agent: "Agent") -> bool:
    """Whether it does its work and may get more of it."""
    return bool(agent.is_alive and agent.is_admin_state_up)


def served(conn: Connection, host: str) -> list[Served]:
    """The routers and networks that agents of the host have, by name."""
    found = []
    for agent in agents(conn, host):
        for kind in (ROUTER, NETWORK):
            if agent.agent_type == kind.agent:
                answer = conn.network.get(f"/agents/{agent.id}/{kind.on_agent}")
                rows = answered(answer, "Neutron", f"list the {kind.plural} on {host}")[kind.plural]
                found += [_served(conn, kind, row, agent.id) for row in rows]
    return sorted(found, key=lambda one: (one.kind.singular, one.name, one.id))


def disable(conn: Connection, host: str) -> None:
    """Let no router and no network come to the host's agents; a switch agent has no such choice to make."""
    for agent in agents(conn, host):
        if agent.is_admin_state_up and agent.agent_type in {ROUTER.agent, NETWORK.agent}:
            _set(conn, agent, {"admin_state_up": False, "description": REASON})


def enable(conn: Connection, agent: "Agent") -> None:
    """Let it work again."""
    _set(conn, agent, {"admin_state_up": True, "description": ""})


def forget(conn: Connection, host: str) -> None:
    """Delete the records of the host's agents. Gone is success."""
    for agent in agents(conn, host):
        doing = f"delete the record of {agent.agent_type} on {host}"
        answered(conn.network.delete(f"/agents/{agent.id}"), "Neutron", doing, HTTPStatus.NOT_FOUND)


def add(conn: Connection, one: Served, agent: "Agent") -> None:
    """Schedule it on the agent (idempotent)."""
    body = {f"{one.kind.singular}_id": one.id}
    answer = conn.network.post(f"/agents/{agent.id}/{one.kind.on_agent}", json=body)
    if answer.status_code != HTTPStatus.CONFLICT or agent.id not in {
        row["id"] for row in _agents_of(conn, one.kind, one.id)
    }:
        answered(answer, "Neutron", f"give {one.kind.singular} {one.name} ({one.id}) to {agent.host}")


def take(conn: Connection, one: Served) -> None:
    """Have the host's agent serve it no longer; that it does not already is success."""
    answer = conn.network.delete(f"/agents/{one.agent_id}/{one.kind.on_agent}/{one.id}")
    doing = f"take {one.kind.singular} {one.name} ({one.id}) from its agent"
    answered(answer, "Neutron", doing, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


def note_moving(conn: Connection, one: Served, host: str) -> None:
    """Mark a router: between two agents it has none, and a run that is killed there would not find it again."""
    answered(conn.network.put(f"/routers/{one.id}/tags/{_tag(host)}"), "Neutron", f"tag router {one.id}")


def note_moved(conn: Connection, one: Served, host: str) -> None:
    """Take the mark away."""
    answer = conn.network.delete(f"/routers/{one.id}/tags/{_tag(host)}")
    answered(answer, "Neutron", f"untag router {one.id}", HTTPStatus.NOT_FOUND)


def moving(conn: Connection, host: str) -> list[Served]:
    """The routers that a killed run left between the host's agent and another one."""
    answer, rows = exact.listed(conn.network, "routers", {}, {"tags": _tag(host)})
    answered(answer, "Neutron", "list the routers that move", HTTPStatus.NOT_FOUND)  # Neutron without routers
    return [_served(conn, ROUTER, row, "") for row in rows if _tag(host) in row["tags"]]


def _tag(host: str) -> str:
    return f"private-cloud-leaves-{host}"


def _agents_of(conn: Connection, kind: Kind, id_: str) -> list[dict[str, Any]]:
    answer = conn.network.get(f"/{kind.plural}/{id_}/{kind.agents}")
    return list(answered(answer, "Neutron", f"list the agents of {kind.singular} {id_}")["agents"])


def _served(conn: Connection, kind: Kind, row: Mapping[str, Any], agent_id: str) -> Served:
    from openstack.network.v2.agent import Agent

    others = [Agent(**one) for one in _agents_of(conn, kind, row["id"]) if one["id"] != agent_id]
    return Served(
        kind,
        row["id"],
        row["name"],
        agent_id,
        tuple(row.get("availability_zone_hints") or ()),
        row.get("provider:physical_network"),
        tuple(agent.id for agent in others if serves(agent)),
    )


def _set(conn: Connection, agent: "Agent", body: dict[str, Any]) -> None:
    answer = conn.network.put(f"/agents/{agent.id}", json={"agent": body})
    state = "up" if body["admin_state_up"] else "down"
    answered(answer, "Neutron", f"set {agent.agent_type} on {agent.host} {state}")
