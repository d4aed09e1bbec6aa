"""What is to do with each server of a fleet, and why: from what is declared and what Nova has, and nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dynamic_providers.server_fleet.declared import Flavor, Wanted
from dynamic_providers.server_fleet.server import GROUP, PORTS, Made, Server, port_mark

_REBUILDABLE = {"ACTIVE", "SHUTOFF", "ERROR"}  # nova.compute.api.API.rebuild
_COMING = {"BUILD", "REBUILD"}
_SHOWN = 12


class Action(StrEnum):
    """What is done with a server."""

    SAME = "same"
    UPDATE = "update"
    PROBE = "probe"
    CREATE = "create"
    REBUILD = "rebuild"
    REPLACE = "replace"
    DELETE = "delete"
    POSTPONED = "postponed"
    STRAY = "stray"


LOSING = frozenset({Action.REBUILD, Action.REPLACE, Action.DELETE})
"""Of these the root disk is lost."""
MAKING = frozenset({Action.CREATE, Action.REBUILD, Action.REPLACE})


@dataclass(frozen=True)
class Step:
    """One server's part of a plan.

    Attributes:
        member: its name.
        reason: why, for people; empty where there is nothing to do.
        server: what Nova has of it.
    """

    member: str
    action: Action
    reason: str = ""
    server: Server | None = None

    @property
    def key(self) -> str:
        """What tells it from the others that are carried out at the same time."""
        return self.server.id if self.action is Action.DELETE and self.server else self.member

    def __str__(self) -> str:
        return f"{self.action}: {self.reason}" if self.reason else str(self.action)


Ports = Mapping[str, Sequence[str | None]]
"""By the member's name, in order; None for one that is yet to be made."""


def plan(wanted: Wanted, ports: Ports, servers: Iterable[Server]) -> list[Step]:
    """A step for each member in order, then for those that are too many."""
    by_member: dict[str, list[Server]] = {}
    for server in servers:
        by_member.setdefault(server.member, []).append(server)
    steps, strays = [], []
    for member, own_ports in ports.items():
        found = sorted(by_member.pop(member, []), key=best_first)
        steps.append(_step(member, own_ports, found[0] if found else None, wanted))
        strays += [Step(one.id, Action.STRAY, f"it is a second {member}", one) for one in found[1:]]
    surplus = [server for _, found in sorted(by_member.items()) for server in found]
    return [*steps, *(_too_many(server) for server in surplus), *strays]


def described(steps: Iterable[Step]) -> dict[str, str]:
    """What there is to do, by server: empty for nothing."""
    return {step.member or step.key: str(step) for step in steps if step.action is not Action.SAME}


def best_first(server: Server) -> tuple[bool, bool, str]:
    """The order of servers that are the same member: its own first."""
    return not server.proved, server.status != "ACTIVE", server.created


def _too_many(server: Server) -> Step:
    if server.locked:
        return Step(server.member, Action.POSTPONED, "it is too many, and locked in Nova", server)
    return Step(server.member, Action.DELETE, "it is not declared any more", server)


def _step(member: str, ports: Sequence[str | None], server: Server | None, wanted: Wanted) -> Step:
    if server is None:
        return Step(member, Action.CREATE, "there is none")
    action, reason = _decided(ports, server, wanted)
    if action in LOSING and server.locked:
        action, reason = Action.POSTPONED, f"{reason}, and it is locked in Nova"
    if action is Action.SAME and (differences := list(_small_differences(member, server, wanted))):
        action, reason = Action.UPDATE, " and ".join(differences)
    return Step(member, action, reason, server)


def _decided(ports: Sequence[str | None], server: Server, wanted: Wanted) -> tuple[Action, str]:
    if server.task in {"deleting", "soft-deleting"}:
        return Action.REPLACE, "it is being deleted"
    if server.made is None:
        return (
            Action.POSTPONED,
            "its metadata do not say what it is made of: somebody changed them; delete it, or put them back",
        )
    if reason := _fixed_at_creation(ports, server, wanted):
        return Action.REPLACE, reason
    if reason := _other_content(server.made, Made.of(wanted)):
        return _anew(server, reason)
    return _as_declared(server)


def _fixed_at_creation(ports: Sequence[str | None], server: Server, wanted: Wanted) -> str:
    """Why no rebuild would do; empty where one would."""
    if None in ports or server.metadata.get(PORTS) != port_mark(filter(None, ports)):
        return "it gets another port"
    if (group := server.metadata.get(GROUP, "")) != wanted.server_group:
        return f"its server group is {group or 'none'} and not {wanted.server_group or 'none'}"
    return _other_flavor(server.flavor, wanted.flavor) if server.flavor != wanted.flavor else ""


def _anew(server: Server, reason: str) -> tuple[Action, str]:
    """How a server gets other content: rebuilt, where Nova can."""
    if server.host_is_down:
        return Action.REPLACE, f"{reason}, and its host is down"
    if server.status in _COMING:
        return Action.POSTPONED, f"{reason}, and Nova is not done with it"
    if server.status not in _REBUILDABLE:
        return Action.REPLACE, f"{reason}, and Nova rebuilds none that is {server.status}"
    return Action.REBUILD, reason


def _as_declared(server: Server) -> tuple[Action, str]:
    """What is to do with a server of the right content."""
    if server.status == "ERROR":
        if server.proved:
            return Action.REBUILD, "it is in ERROR"
        return Action.REPLACE, "it is in ERROR again"
    if server.proved:
        return Action.SAME, ""
    if server.host_is_down:
        return Action.REPLACE, "it has not proved itself, and its host is down"
    return Action.PROBE, "it was made anew and has not proved itself yet"


def _other_content(made: Made, wanted: Made) -> str:
    """Why a server of MADE has to be made anew; empty where it has not."""
    reasons = []
    if made.sha256 != wanted.sha256:
        reasons.append(f"its image is {made.sha256[:_SHOWN]} and not {wanted.sha256[:_SHOWN]}")
    if made.recreate != wanted.recreate:
        reasons.append(f"recreate was {made.recreate!r} and is {wanted.recreate!r}")
    if made.user_data != wanted.user_data:
        reasons.append("its user data are others")
    return " and ".join(reasons)


def _other_flavor(found: Flavor, wanted: Flavor) -> str:
    def size(flavor: Flavor) -> str:
        return f"{flavor.name} ({flavor.vcpus} vCPU, {flavor.ram_mb} MiB, {flavor.disk_gb} GiB)"

    return f"its flavor is {size(found)} and not {size(wanted)}"


def _small_differences(member: str, server: Server, wanted: Wanted) -> Iterator[str]:
    if server.name != member:
        yield f"its name is {server.name!r}"
    other = [key for key, value in wanted.metadata.items() if server.metadata.get(key) != value]
    if other:
        yield f"metadata {', '.join(other)} differ"
