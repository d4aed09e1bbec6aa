"""Whether what a deployment started on hosts has reported to Nova and Neutron."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from clients import openstack
from clients.errors import CloudError
from clients.openstack import Connection
from clients.progress import log_line
from dynamic_providers.kolla_deployment import neutron_host, nova_host
from dynamic_providers.kolla_deployment.neutron_host import NETWORK, ROUTER, SWITCH
from dynamic_providers.kolla_deployment.nova_host import REASON

if TYPE_CHECKING:
    from openstack.compute.v2.service import Service
    from openstack.network.v2.agent import Agent

POLL_S = 5.0  # agents and services report every 10 s to 30 s
LOG_EVERY_S = 30.0
METADATA = "Metadata agent"
AGENTS = {
    "compute": (SWITCH,),
    "network": (SWITCH, NETWORK.agent, ROUTER.agent, METADATA),
}
"""What Kolla starts of Neutron on hosts of these roles (its groups) with Open vSwitch."""


def missing(cloud: str, hosts: Mapping[str, Collection[str]], *, within: float) -> dict[str, list[str]]:
    """Wait until every host's services are up and its agents alive.

    A service or agent that a removal disabled is enabled again: the host is declared, so it stays. HOSTS have their
    roles; WITHIN are seconds to wait, and the first look is always taken.

    Returns:
        Sentences by host, one for each thing that is still missing; hosts without any are left out.
    """
    hosts_by_role = {host: set(roles) for host, roles in hosts.items() if {"compute", *AGENTS} & set(roles)}
    if not hosts_by_role:
        return {}
    deadline = time.monotonic() + within
    try:
        with openstack.connect(cloud) as conn:
            return _wait(conn, hosts_by_role, deadline)
    except CloudError as error:
        return {host: [f"{host} could not be verified: {error}"] for host in hosts_by_role}


def _wait(conn: Connection, hosts: Mapping[str, set[str]], deadline: float) -> dict[str, list[str]]:
    last_line = float("-inf")
    while True:
        found = _look(conn, hosts)
        now = time.monotonic()
        if not found or now >= deadline:
            return found
        if now - last_line >= LOG_EVERY_S:
            last_line = now
            first = next(iter(found.values()))[0]
            log_line(f"waiting for {', '.join(found)}, {deadline - now:.0f} s at most: {first}")
        time.sleep(min(POLL_S, deadline - now))


def _look(conn: Connection, hosts: Mapping[str, set[str]]) -> dict[str, list[str]]:
    services = nova_host.services(conn)
    agents = neutron_host.agents(conn)
    found = {}
    for host, roles in hosts.items():
        lacking = _of_nova(conn, host, services) if "compute" in roles else []
        kinds = dict.fromkeys(kind for role in AGENTS if role in roles for kind in AGENTS[role])
        lacking += [sentence for kind in kinds for sentence in _of_neutron(conn, host, kind, agents)]
        if lacking:
            found[host] = lacking
    return found


def _of_nova(conn: Connection, host: str, services: Sequence["Service"]) -> list[str]:
    for service in services:
        if service.host != host or service.binary != "nova-compute":
            continue
        if service.status != "enabled" and service.disabled_reason == REASON:
            nova_host.enable(conn, service)
        elif service.status != "enabled":
            why = f" ({service.disabled_reason})" if service.disabled_reason else ""
            cure = f"`openstack compute service set --enable {host} nova-compute`"
            return [f"Nova's compute service of {host} is disabled{why}; when that is over, run {cure}"]
        if not nova_host.is_up(service):
            return [
                f"Nova's compute service of {host} is down; look into /var/log/kolla/nova/nova-compute.log there"
            ]
        return []
    return [f"Nova has no compute service of {host}; look into /var/log/kolla/nova/nova-compute.log there"]


def _of_neutron(conn: Connection, host: str, kind: str, agents: Sequence["Agent"]) -> list[str]:
    for agent in agents:
        if (agent.host, agent.agent_type) != (host, kind):
            continue
        if not agent.is_admin_state_up and agent.description == REASON:
            neutron_host.enable(conn, agent)
        if not agent.is_alive:
            return [f"Neutron's {kind} of {host} is not alive; look into /var/log/kolla/neutron there"]
        return []
    return [f"Neutron has no {kind} of {host}; look into /var/log/kolla/neutron there"]
