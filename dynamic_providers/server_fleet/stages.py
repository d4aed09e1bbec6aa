"""The order in which the servers of a fleet are made anew: a canary, then waves."""

from collections.abc import Sequence

from config.fleet import FleetUpdateSpec
from dynamic_providers.server_fleet.plan import MAKING, Action, Step

_FIRST = (Action.PROBE, Action.CREATE, Action.REPLACE, Action.REBUILD)


def stages(steps: Sequence[Step], update: FleetUpdateSpec) -> list[list[Step]]:
    """Those of STEPS that make or probe servers, in groups that come one after the other.

    Servers that are as declared count as if they had been canary and waves: what a run left, the next one goes on with.
    Those that are away already come first, as nobody misses them.
    """
    left = sorted(
        (step for step in steps if step.action in MAKING or step.action is Action.PROBE),
        key=lambda step: (_is_well(step), _FIRST.index(step.action)),
    )
    done = sum(step.action in {Action.SAME, Action.UPDATE} for step in steps)
    count = done + len(left)
    found = []
    for bound in (update.canary, *(-(-count * percent // 100) for percent in update.waves)):
        size = max(0, bound - done)
        if size and left:
            found.append(left[:size])
            left, done = left[size:], done + size
    return found


def _is_well(step: Step) -> bool:
    return bool(step.server and step.server.is_settled and step.action is not Action.PROBE)
