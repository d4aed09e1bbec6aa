"""Fleets and their ports."""

from collections import defaultdict

from config.fleet import FleetSpec
from dynamic_providers.server_fleet.plan import LOSING, Action
from dynamic_providers.server_fleet.provider import ServerFleetProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Risk, Verdict
from operations.report.rules.rule import Rule, by_key, harmless, interrupts

_EFFECTS = {
    Action.REBUILD: "root disks are lost; names, addresses and server ids stay",
    Action.REPLACE: "root disks and server ids are lost; names and addresses stay",
    Action.DELETE: "the servers are lost",
    Action.CREATE: "nobody has them yet",
    Action.UPDATE: "nobody notices it",
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
    lost = LOSING & by_action.keys()
    return Verdict(Risk.LOSES_DATA if lost else Risk.HARMLESS, " ".join(sentences))


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
