"""Empties a host that is to go of instances, routers and DHCP networks; OSDs are not its business.

Everything is found again by the next run: an instance that moves already is waited for, a router between two
agents bears a tag. What cannot be moved is named, and the host takes nothing new meanwhile.
"""

import time
from collections import deque
from collections.abc import Generator
from typing import Any

from openstack.connection import Connection

from clients.errors import CloudError, InUseError
from clients.progress import log_line
from dynamic_providers.kolla_deployment import neutron_host, nova_host
from dynamic_providers.kolla_deployment.host_usage import named
from dynamic_providers.kolla_deployment.neutron_host import NETWORK, ROUTER, SWITCH, Agent, Served
from dynamic_providers.kolla_deployment.nova_host import Instance

POLL_S = 2.0
AT_ONCE = 4
LIVE: dict[str, Any] = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
COLD: dict[str, Any] = {"migrate": None}
MOVES = {"ACTIVE": LIVE, "PAUSED": LIVE, "SHUTOFF": COLD}
"""What moves an instance in this state; one in another state is its project's to bring into one of these."""


def drain(conn: Connection, host: str, leaving: frozenset[str], *, deadline: float) -> None:
    """Move everything that Nova and Neutron have on the host to hosts that stay; its services are disabled.

    A few instances move at a time, so that one that hangs holds no other up; Nova by its own default migrates one
    at a time live.

    Args:
        conn: an administrator's connection.
        host: the host to empty.
        leaving: all hosts that go, which get nothing.
        deadline: ``time.monotonic()`` at which waiting ends.

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
        if left.kind == "migration":  # of a stopped instance, by a run that was killed; or an administrator's
            _confirm(conn, left.instance_id)
        else:
            stays.append(
                f"instance {left.instance_id} (its {left.kind} waits to be confirmed by its project)"
            )
    instances = nova_host.instances(conn, host)
    waiting = deque(instances)
    moving: dict[Instance, Generator[str, None, str | None]] = {}
    states: dict[Instance, str] = {}
    while waiting or moving:
        if time.monotonic() > deadline:
            stays += [_named(one, f"it is still {states[one]}") for one in moving]
            stays += [_named(one, "there was no time left for it") for one in waiting]
            break
        while waiting and len(moving) < AT_ONCE:
            one = waiting.popleft()
            log_line(
                f"{host}: moving instance {len(instances) - len(waiting)} of {len(instances)},"
                f" {one.name} ({one.id})"
            )
            moving[one] = _moved(conn, one.id, host)
        for one, steps in list(moving.items()):
            try:
                states[one] = next(steps)
            except StopIteration as end:
                del moving[one]
                if end.value:
                    stays.append(_named(one, end.value))
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
        if now.task is None and now.host != host:
            if now.status != "VERIFY_RESIZE":
                return None
            _confirm(conn, id_)
        elif now.task is None and now.status != "MIGRATING":
            if requested:
                return f"no other host took it; `openstack server event list {id_}` tells more"
            if now.status not in MOVES:
                return f"it is {now.status}"
            try:
                nova_host.act(conn, id_, MOVES[now.status], "move it")
            except CloudError as error:
                return str(error)
            requested = True
        yield now.task or now.status
    return None


def _named(instance: Instance, why: str) -> str:
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
            agent = min(fit, key=lambda each: (_load(each, one) + given.get(each.id, 0), each.host))
            given[agent.id] = given.get(agent.id, 0) + 1
            _move(conn, one, agent, host)
        else:
            _leave(conn, one, host)
    return stays


def _move(conn: Connection, one: Served, agent: Agent, host: str) -> None:
    if one.kind == ROUTER:  # Neutron gives a router to one agent only, unless it is highly available
        neutron_host.note_moving(conn, one, host)
        _leave_agent(conn, one)
        neutron_host.add(conn, one, agent)
        neutron_host.note_moved(conn, one, host)
    else:
        neutron_host.add(conn, one, agent)
        _leave_agent(conn, one)


def _leave(conn: Connection, one: Served, host: str) -> None:
    """It is served elsewhere already."""
    _leave_agent(conn, one)
    if one.kind == ROUTER:
        neutron_host.note_moved(conn, one, host)


def _leave_agent(conn: Connection, one: Served) -> None:
    if one.agent_id:
        neutron_host.take(conn, one)


def _can_serve(agent: Agent, one: Served, agents: list[Agent]) -> bool:
    """Whether it is of the kind and in a zone asked for, and its host's switch reaches a provider network.

    Neutron's own scheduler asks the same; for what is given by hand it does not.
    """
    if not (agent.kind == one.kind.agent and agent.serves):
        return False
    if one.zones and agent.zone not in one.zones:
        return False
    if one.kind == ROUTER:  # an agent of a compute host with distributed routers has no central ones
        return agent.configurations.get("agent_mode", "legacy") in {"legacy", "dvr_snat"}
    return one.physical_network is None or any(
        one.physical_network in switch.configurations.get("bridge_mappings", {})
        for switch in agents
        if switch.kind == SWITCH and switch.host == agent.host and switch.alive
    )


def _load(agent: Agent, one: Served) -> int:
    return int(agent.configurations.get(NETWORK.plural if one.kind == NETWORK else ROUTER.plural, 0))
