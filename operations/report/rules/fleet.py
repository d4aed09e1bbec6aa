"""Fleets and their ports."""

from collections import defaultdict

from config.fleet import FleetSpec
from dynamic_providers.server_fleet.plan import LOSING, Action
from dynamic_providers.server_fleet.provider import ServerFleetProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Risk, Verdict
from operations.report.rules.rule import Rule, by_key, given, harmless, interrupts

_EFFECTS = {
    Action.REBUILD: "root disks are lost; names, addresses, homes and server ids stay",
    Action.REPLACE: "root disks and server ids are lost; names, addresses and homes stay",
    Action.DELETE: "the servers are lost",
    Action.CREATE: "nobody has them yet",
    Action.UPDATE: "nobody notices it",
    Action.STOP: "their owners left; names, addresses, root disks and homes stay for now",
    Action.START: "their owners are back, and all is as it was",
    Action.PROBE: "a run before has not seen that they are well",
    Action.POSTPONED: "nothing is done until somebody lets it",
    Action.STRAY: "left from a killed run, and deleted once that is certain",
}


def _servers_change(change: Change, _cloud: Dependents) -> Verdict:
    """The plan for each server, which the program has found out."""
    plan = change.new.get("plan")
    by_action: dict[Action, list[str]] = defaultdict(list)
    for server, step in plan.items() if isinstance(plan, dict) else ():
        action, _, reason = str(step).partition(": ")
        by_action[Action(action)].append(f"{server} ({reason})")
    if not by_action:
        return Verdict(Risk.HARMLESS, "No server is touched.")
    sentences = [
        f"{action.capitalize()} of {len(servers)}: {_EFFECTS[action]}. {'; '.join(servers)}."
        for action, servers in by_action.items()
    ]
    risk = Risk.INTERRUPTS if Action.STOP in by_action else Risk.HARMLESS
    return Verdict(Risk.LOSES_DATA if LOSING & by_action.keys() else risk, " ".join(sentences))


def _servers_go(change: Change, _cloud: Dependents) -> Verdict:
    servers = change.outputs.get("servers")
    names = ", ".join(servers) if isinstance(servers, dict) else "its servers"
    return Verdict(Risk.LOSES_DATA, f"All servers of the fleet are deleted with their root disks: {names}.")


FLEET_RULES = {
    "pulumi-python:dynamic/compute:ServerFleet": Rule(
        "fleet",
        harmless("New servers; nobody uses them yet."),
        _servers_change,
        _servers_go,
        specs=(FleetSpec,),
        provider=ServerFleetProvider,
    ),
    "openstack:blockstorage/volume:Volume": Rule(
        "home",
        harmless("A new, empty volume; its owner's machine mounts it."),
        harmless("What is on it stays."),
        lambda change, _: Verdict(
            Risk.LOSES_DATA, f"All data of the owner are lost: {given(change, 'description')}."
        ),
        specs=(FleetSpec,),
    ),
    "openstack:networking/port:Port": Rule(
        "port of a fleet's server",
        harmless("A new port; no server has it yet."),
        by_key(
            {"securityGroupIds": "Other security groups let other traffic through to the server."},
            "Nobody notices it.",
        ),
        interrupts("The server's address is given back, and another port may get it."),
        specs=(FleetSpec,),
    ),
}
