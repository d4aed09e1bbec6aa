"""Empties a host that is to go of instances, routers and DHCP networks; not of OSDs.

The next run finds everything again: an instance that moves is waited for, a router between two agents bears a tag.
"""

import time
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from clients.errors import CloudError, InUseError
from clients.openstack import Connection
from clients.progress import log_line
from dynamic_providers.kolla_deployment import neutron_host, nova_host
from dynamic_providers.kolla_deployment.host_usage import named
from dynamic_providers.kolla_deployment.neutron_host import ROUTER, SWITCH, Served

if TYPE_CHECKING:
    from openstack.compute.v2.server import Server
    from openstack.network.v2.agent import Agent

POLL_S = 2.0
AT_ONCE = 4
LIVE: dict[str, Any] = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
COLD: dict[str, Any] = {"migrate": None}
MOVES = {"ACTIVE": LIVE, "PAUSED": LIVE, "SHUTOFF": COLD}
"""What moves an instance in this state; one in another state is its project's to bring into one of these."""


def drain(conn: Connection, host: str, leaving: frozenset[str], *, deadline: float) -> None:
    """Move everything that Nova and Neutron have on the host to hosts that stay; its services are disabled.

    A few instances move at a time, so that one that hangs holds no other up; Nova by its own default migrates one
    at a time live. LEAVING are all hosts that go, which get nothing; DEADLINE is by ``time.monotonic()``.

    Raises:
        InUseError: some of it could not be moved; it is named, with the reasons.
    """
    stays = _move_instances(conn, host, deadline) + _move_served(conn, host, leaving)
    if stays:
        raise InUseError(
            f"{host} could not be emptied: {named(stays, str)}. It takes nothing new now (its compute service is"
            " disabled, its agents are down); see to these and run this again, or declare the host again"
        )


def _move_instances(conn: Connection, host: str, deadline: float) -> list[str]:
    stays = []
    for left in nova_host.unconfirmed(conn, host):
        if left.migration_type == "migration":  # by a run that was killed, of a stopped instance; or by hand
            _confirm(conn, left.server_id)
        else:
            stays.append(
                f"instance {left.server_id} (its {left.migration_type} waits to be confirmed by its project)"
            )
    instances = {one.id: one for one in nova_host.instances(conn, host)}
    waiting = deque(instances)
    moving: dict[str, Generator[str, None, str | None]] = {}
    states: dict[str, str] = {}
    while waiting or moving:
        if time.monotonic() > deadline:
            stays += [_named(instances[id_], f"it is still {states[id_]}") for id_ in moving]
            stays += [_named(instances[id_], "there was no time left for it") for id_ in waiting]
            break
        while waiting and len(moving) < AT_ONCE:
            id_ = waiting.popleft()
            log_line(
                f"{host}: moving instance {len(instances) - len(waiting)} of {len(instances)},"
                f" {instances[id_].name} ({id_})"
            )
            moving[id_] = _moved(conn, id_, host)
        for id_, steps in list(moving.items()):
            try:
                states[id_] = next(steps)
            except StopIteration as end:
                del moving[id_]
                if end.value:
                    stays.append(_named(instances[id_], end.value))
        if moving:
            time.sleep(POLL_S)
    return stays


def _moved(conn: Connection, id_: str, host: str) -> Generator[str, None, str | None]:
    """Look at it and do what is next, once a step.

    Yields:
        What it is doing.

    Returns:
        Why it stays; None where it is elsewhere, or gone.
    """
    requested = False
    while now := nova_host.instance(conn, id_):
        if now.task_state is None and now.compute_host != host:
            if now.status != "VERIFY_RESIZE":
                return None
            _confirm(conn, id_)
        elif now.task_state is None and now.status != "MIGRATING":
            if requested:
                return f"no other host took it; `openstack server event list {id_}` tells more"
            if now.status not in MOVES:
                return f"it is {now.status}"
            try:
                nova_host.act(conn, id_, MOVES[now.status], "move it")
            except CloudError as error:
                return str(error)
            requested = True
        yield now.task_state or now.status
    return None


def _named(instance: "Server", why: str) -> str:
    return f"instance {instance.name} ({instance.id}; {why})"


def _confirm(conn: Connection, id_: str) -> None:
    nova_host.act(conn, id_, {"confirmResize": None}, f"confirm the migration of instance {id_}")


def _move_served(conn: Connection, host: str, leaving: frozenset[str]) -> list[str]:
    agents = [one for one in neutron_host.agents(conn) if one.host not in leaving]
    staying = {agent.id for agent in agents}
    given: dict[str, int] = {}  # what agents get here; they report their load only now and then
    found = neutron_host.served(conn, host)
    here = {one.id for one in found}
    found += [one for one in neutron_host.moving(conn, host) if one.id not in here]
    if found:
        log_line(f"{host}: moving {len(found)} routers and DHCP networks to other agents")
    stays = []
    for one in found:
        if staying.isdisjoint(one.elsewhere):
            fit = [agent for agent in agents if _can_serve(agent, one, agents)]
            if not fit:
                stays.append(
                    f"{one.kind.singular} {one.name} ({one.id}; no other {one.kind.agent} can serve it)"
                )
                continue
            agent = min(
                fit,
                key=lambda each: (
                    int((each.configuration or {}).get(one.kind.plural, 0)) + given.get(each.id, 0),
                    each.host,
                ),
            )
            given[agent.id] = given.get(agent.id, 0) + 1
            _move(conn, one, agent, host)
        else:  # it is served elsewhere already
            _leave_agent(conn, one)
            if one.kind == ROUTER:
                neutron_host.note_moved(conn, one, host)
    return stays


def _move(conn: Connection, one: Served, agent: "Agent", host: str) -> None:
    if one.kind == ROUTER:  # Neutron gives a router to one agent only, unless it is highly available
        neutron_host.note_moving(conn, one, host)
        _leave_agent(conn, one)
        neutron_host.add(conn, one, agent)
        neutron_host.note_moved(conn, one, host)
    else:
        neutron_host.add(conn, one, agent)
        _leave_agent(conn, one)


def _leave_agent(conn: Connection, one: Served) -> None:
    if one.agent_id:
        neutron_host.take(conn, one)


def _can_serve(agent: "Agent", one: Served, agents: list["Agent"]) -> bool:
    """Whether it is of the kind and in a zone asked for, and its host's switch reaches a provider network.

    Neutron's own scheduler asks the same; for what is given by hand it does not.
    """
    if not (agent.agent_type == one.kind.agent and neutron_host.serves(agent)):
        return False
    if one.zones and agent.availability_zone not in one.zones:
        return False
    if one.kind == ROUTER:  # an agent of a compute host with distributed routers has no central ones
        return (agent.configuration or {}).get("agent_mode", "legacy") in {"legacy", "dvr_snat"}
    return one.physical_network is None or any(
        one.physical_network in (switch.configuration or {}).get("bridge_mappings", {})
        for switch in agents
        if switch.agent_type == SWITCH and switch.host == agent.host and switch.is_alive
    )
