"""Who uses a host that is to go: instances, routers, networks and OSDs, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from clients.enumeration import enumerated
from clients.openstack import Connection
from dynamic_providers.kolla_deployment import ceph_host, neutron_host, nova_host
from dynamic_providers.kolla_deployment.ceph_host import Clouds

MOST_NAMED = 5
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class HostUsage:
    """What is on the host and nowhere else, for people; empty where there is nothing.

    Attributes:
        movable: instances of all projects, those elsewhere that may still come back, and routers and networks for
            which no agent elsewhere serves.
        osds: those that are not empty.
    """

    movable: str
    osds: str

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.movable, self.osds)))


def of(conn: Connection | None, clouds: Clouds, host: str, leaving: frozenset[str]) -> HostUsage:
    """Look for them; for OSDs only without CONN, where the cloud has gone with its control hosts.

    LEAVING are all hosts that go: an agent on one of them is none that will serve.
    """
    osds = _group(
        "OSD(s) not empty",
        [osd for osd in ceph_host.osds(clouds, host) if not osd.empty],
        lambda osd: f"osd.{osd.id} ({osd.placement_groups} placement groups)",
    )
    if conn is None:
        return HostUsage("", osds)
    staying = {agent.id for agent in neutron_host.agents(conn) if agent.host not in leaving}
    served = [one for one in neutron_host.served(conn, host) if staying.isdisjoint(one.elsewhere)]
    groups = [
        _group(
            "instance(s)",
            nova_host.instances(conn, host),
            lambda one: f"{one.name} ({one.id}, {_project(conn, one.project_id)})",
        ),
        _group(
            "migration(s) not confirmed yet",
            nova_host.unconfirmed(conn, host),
            lambda one: f"{one.migration_type} of instance {one.server_id}",
        ),
        *(
            _group(words, [one for one in served if one.kind == kind], lambda one: f"{one.name} ({one.id})")
            for kind, words in ((neutron_host.ROUTER, "router(s)"), (neutron_host.NETWORK, "DHCP network(s)"))
        ),
    ]
    return HostUsage("; ".join(filter(None, groups)), osds)


def named(things: Sequence[Thing], name: Callable[[Thing], str]) -> str:
    """A handful of them by name, and how many more there are."""
    return enumerated([name(thing) for thing in things[:MOST_NAMED]], len(things))


def _group(words: str, things: Sequence[Thing], name: Callable[[Thing], str]) -> str:
    return f"{len(things)} {words}: {named(things, name)}" if things else ""


def _project(conn: Connection, id_: str) -> str:
    answer = conn.identity.get(f"/projects/{id_}")
    return f"project {answer.json()['project']['name']}" if answer.ok else f"project {id_}"
