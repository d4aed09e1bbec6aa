"""What is to do with each server of a fleet, and why: from what is declared and what Nova has, and nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dynamic_providers.server_fleet import manners
from dynamic_providers.server_fleet.declared import ANNOUNCED, LEFT, OWNER, Flavor, Member, Wanted
from dynamic_providers.server_fleet.manners import Manners
from dynamic_providers.server_fleet.server import GROUP, PORTS, Made, Server, port_mark
from dynamic_providers.server_fleet.user_data import differences

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
    STOP = "stop"
    START = "start"
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


def plan(
    wanted: Wanted, members: Iterable[Member], servers: Iterable[Server], how: Manners | None = None
) -> list[Step]:
    """A step for each member in order, then for those that are too many."""
    by_member: dict[str, list[Server]] = {}
    for server in servers:
        by_member.setdefault(server.member, []).append(server)
    steps, strays = [], []
    for member in members:
        found = sorted(by_member.pop(member.name, []), key=best_first)
        steps.append(_step(member, found[0] if found else None, wanted, how or Manners()))
        strays += [Step(one.id, Action.STRAY, f"it is a second {member.name}", one) for one in found[1:]]
    surplus = [server for _, found in sorted(by_member.items()) for server in found]
    return [*steps, *(_too_many(server) for server in surplus), *strays]


def described(steps: Iterable[Step]) -> dict[str, str]:
    """What there is to do, by server: empty for nothing."""
    return {step.member or step.key: str(step) for step in steps if step.action is not Action.SAME}


def best_first(server: Server) -> tuple[bool, bool, str]:
    """The order of servers that are the same member: its own first."""
    return not server.proved, server.status != "ACTIVE", server.created


def _too_many(server: Server) -> Step:
    reason = "it is not declared any more"
    if owner := server.metadata.get(OWNER):
        reason = (
            f"{owner} left on {server.metadata.get(LEFT) or 'a day that nothing tells'}; the home goes too"
        )
    if server.locked:
        return Step(server.member, Action.POSTPONED, f"{reason}, and it is locked in Nova", server)
    return Step(server.member, Action.DELETE, reason, server)


def _step(member: Member, server: Server | None, wanted: Wanted, how: Manners) -> Step:
    if member.left:
        return _left(member, server, how)
    if server is None:
        if member.held:
            return Step(member.name, Action.POSTPONED, member.held)
        return Step(member.name, Action.CREATE, "there is none")
    if member.owner and server.metadata.get(LEFT):
        return Step(member.name, Action.START, f"{member.owner} is back", server)
    action, reason = _decided(member, server, wanted, how.user_data)
    if action is Action.SAME and member.owner and manners.is_asked_for(server):
        action, reason = Action.REBUILD, "its owner asks for it"
    if why := _why_not(action, member, server, wanted, how):
        action, reason = Action.POSTPONED, f"{reason}, and {why}"
    if action is Action.SAME and (differences := list(_small_differences(member, server, wanted))):
        action, reason = Action.UPDATE, " and ".join(differences)
        if member.held and member.home not in {None, *server.volumes}:
            action, reason = Action.POSTPONED, f"{reason}, and {member.held}"
    return Step(member.name, action, reason, server)


def _left(member: Member, server: Server | None, how: Manners) -> Step:
    """What becomes of the machine of somebody who left: it is stopped, kept for a while, announced, and then deleted."""
    if server is None:
        return Step(member.name, Action.SAME)
    reason = f"{member.owner} left on {member.left}; it is kept until {how.kept_until(member.left)}"
    if member.deletion == ANNOUNCED:
        reason = f"{member.owner} left on {member.left}: the next run deletes it and its home"
    if server.status == "ACTIVE":
        if server.locked:
            return Step(member.name, Action.POSTPONED, f"{reason}, and it is locked in Nova", server)
        return Step(member.name, Action.STOP, reason, server)
    if _others(member.metadata, server):
        return Step(member.name, Action.UPDATE, reason, server)
    return Step(member.name, Action.SAME, "", server)


def _why_not(action: Action, member: Member, server: Server, wanted: Wanted, how: Manners) -> str:
    """Why ACTION, which takes the root disk, has to wait; empty where it has not."""
    if action not in LOSING:
        return ""
    if server.locked:
        return "it is locked in Nova"
    if member.held:
        return member.held
    if server.status == "ERROR" or server.task:  # nobody works on it
        return ""
    other_image = server.made is not None and server.made.sha256 != wanted.sha256
    return manners.why_it_waits(how, server, other_image=other_image)


def _decided(member: Member, server: Server, wanted: Wanted, user_data: str) -> tuple[Action, str]:
    if server.task in {"deleting", "soft-deleting"}:
        return Action.REPLACE, "it is being deleted"
    if server.made is None:
        return (
            Action.POSTPONED,
            "its metadata do not say what it is made of: somebody changed them; delete it, or put them back",
        )
    if reason := _fixed_at_creation(member.port_ids, server, wanted):
        return Action.REPLACE, reason
    if reason := _other_content(server.made, Made.of(wanted, "", member)):
        if server.made.user_data != Made.of(wanted, "", member).user_data:
            reason += (
                f" ({'; '.join(differences(server.user_data, user_data, member.keys)) or 'by their home'})"
            )
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


def _small_differences(member: Member, server: Server, wanted: Wanted) -> Iterator[str]:
    if server.name != member.name:
        yield f"its name is {server.name!r}"
    if other := _others(member.metadata | wanted.metadata, server):
        yield f"metadata {', '.join(other)} differ"
    if member.home is not None and member.home not in server.volumes:
        yield "its home is not attached"


def _others(metadata: Mapping[str, str], server: Server) -> list[str]:
    return [key for key, value in metadata.items() if server.metadata.get(key, "") != value]
