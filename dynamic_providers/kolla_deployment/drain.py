"""Empties a host that is to go of instances, routers and DHCP networks; OSDs are not its business.

Everything is found again by the next run: an instance that moves already is waited for, a router between two
agents bears a tag. What cannot be moved is named, and the host takes nothing new meanwhile.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from clients.errors import CloudError, InUseError
from dynamic_providers.kolla_deployment import neutron_host, nova_host
from dynamic_providers.kolla_deployment.neutron_host import NETWORK, ROUTER, SWITCH
from dynamic_providers.kolla_deployment.occupants import named

if TYPE_CHECKING:
    from collections.abc import Callable

    from openstack.connection import Connection

    from dynamic_providers.kolla_deployment.neutron_host import Agent, Served

POLL_S = 2.0
LIVE: dict[str, Any] = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
COLD: dict[str, Any] = {"migrate": None}
MOVES = {"ACTIVE": LIVE, "PAUSED": LIVE, "SHUTOFF": COLD}
"""What moves an instance in this state; one in another state is its project's to bring into one of these."""


def drain(
    conn: Connection, host: str, leaving: frozenset[str], *, deadline: float, tell: Callable[[str], None]
) -> None:
    """Move everything that Nova and Neutron have on the host to hosts that stay; its services are disabled.

    Instances go one after another, as Nova by its own default migrates one at a time away from a host.

    Args:
        conn: an administrator's connection.
        host: the host to empty.
        leaving: all hosts that go, which get nothing.
        deadline: ``time.monotonic()`` at which waiting ends.
        tell: is given progress, a line at a time.

    Raises:
        InUseError: some of it could not be moved; it is named, with the reasons.
    """
    stays = _move_instances(conn, host, deadline, tell) + _move_served(conn, host, leaving, tell)
    if stays:
        raise InUseError(
            f"{host} could not be emptied: {named(stays, str)}. It takes nothing new now (its compute service is"
            " disabled, its agents are down); see to these and run this again, or declare the host again"
        )


def _move_instances(conn: Connection, host: str, deadline: float, tell: Callable[[str], None]) -> list[str]:
    stays = []
    for pending in nova_host.unconfirmed(conn, host):
        if (
            pending.kind == "migration"
        ):  # of a stopped instance, by a run that was killed; or an administrator's
            _confirm(conn, pending.instance_id)
        else:
            stays.append(
                f"instance {pending.instance_id} (its {pending.kind} waits to be confirmed by its project)"
            )
    found = nova_host.instances(conn, host)
    for number, instance in enumerate(found, start=1):
        tell(f"{host}: moving instance {number} of {len(found)}, {instance.name} ({instance.id})")
        why = _move_instance(conn, instance.id, host, deadline)
        if why:
            stays.append(f"instance {instance.name} ({instance.id}; {why})")
    return stays


def _move_instance(conn: Connection, id_: str, host: str, deadline: float) -> str | None:
    """Why it stays; None where it is elsewhere, or gone."""
    asked = False
    while True:
        now = nova_host.instance(conn, id_)
        if now is None:
            return None
        if now.task is None and now.status == "VERIFY_RESIZE" and now.host != host:
            _confirm(conn, id_)
        elif now.task is None and now.host != host:
            return None
        elif now.task is None and now.status != "MIGRATING":
            if asked:
                return f"no other host took it; `openstack server event list {id_}` tells more"
            if now.status not in MOVES:
                return f"it is {now.status}"
            try:
                nova_host.act(conn, id_, MOVES[now.status], "move it")
            except CloudError as error:
                return str(error)
            asked = True
        if time.monotonic() > deadline:
            return f"it is still {now.task or now.status}"
        time.sleep(POLL_S)


def _confirm(conn: Connection, id_: str) -> None:
    nova_host.act(conn, id_, {"confirmResize": None}, f"confirm the migration of instance {id_}")


def _move_served(
    conn: Connection, host: str, leaving: frozenset[str], tell: Callable[[str], None]
) -> list[str]:
    agents = [one for one in neutron_host.agents(conn) if one.host not in leaving]
    staying = {agent.id for agent in agents}
    given: dict[str, int] = {}  # what agents get here; they report their load only now and then
    found = neutron_host.served(conn, host)
    here = {one.id for one in found}
    found += [one for one in neutron_host.moving(conn, host) if one.id not in here]
    if found:
        tell(f"{host}: moving {len(found)} routers and DHCP networks to other agents")
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
