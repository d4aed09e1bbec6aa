"""What there is to do with each OSD that is declared, from the cluster as it is; the CRUSH weight is the progress."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dynamic_providers.osd_expansion import upmap
from dynamic_providers.osd_expansion.cluster import Cluster, Found
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from dynamic_providers.osd_expansion.journal import Entries
from dynamic_providers.osd_expansion.plan import Plan, Snapshot, plan

_FULL = 0.99  # of the weight by its size: disks of one kind are not quite of one size


class Action(StrEnum):
    """What is done with an OSD."""

    FILL = "fill"
    EMPTY = "empty"
    PURGE = "purge"


@dataclass(frozen=True)
class Task:
    """One OSD and the CRUSH weight that it should have.

    Attributes:
        done: the share that is done.
    """

    osd: int
    action: Action
    target: int
    done: float

    def __str__(self) -> str:
        return f"osd.{self.osd}"


@dataclass(frozen=True)
class Work:
    """What there is to do.

    Attributes:
        tasks: in order.
        waiting: why nothing can be done with other OSDs, by number.
    """

    tasks: tuple[Task, ...]
    waiting: Mapping[int, str]


def work(
    declared: OsdExpansionArgs,
    found: Mapping[int, Found],
    of_hosts: set[int],
    snapshot: Snapshot,
    entries: Entries,
) -> Work:
    """What there is to do; OSDs that leave come last, when others may have taken their place."""
    fill = sorted({*declared.fill, *of_hosts} - set(declared.remove))
    each = [(osd, _filling(osd, fill, found, snapshot, entries)) for osd in fill]
    each += [
        (osd, _leaving(osd, declared.remove, found[osd], snapshot, entries))
        for osd in declared.remove
        if osd in found
    ]
    return Work(
        tuple(step for _, step in each if isinstance(step, Task)),
        {osd: step for osd, step in each if isinstance(step, str)},
    )


def _filling(
    osd: int, fill: Collection[int], found: Mapping[int, Found], snapshot: Snapshot, entries: Entries
) -> Task | str | None:
    """What there is to do with an OSD that fills, or why nothing can be; None where it is full."""
    if osd not in found or osd not in snapshot.osds:
        return "is not in the cluster yet"
    if not snapshot.osds[osd].capacity:
        return "has not reported its size yet"
    target = snapshot.full_weight(osd, fill)
    weight = snapshot.osds[osd].weight
    held = 1.0
    if pinned := sum(osd == given for pairs in entries.pins.values() for given, _ in pairs):
        here = sum(osd in osds for osds in snapshot.up.values())
        held = here / (here + pinned)
    if weight >= target * _FULL:
        return Task(osd, Action.FILL, weight, held) if osd in entries.affinity or pinned else None
    return Task(osd, Action.FILL, target, weight / target * held)


def _leaving(
    osd: int, leaving: Collection[int], found: Found, snapshot: Snapshot, entries: Entries
) -> Task | str:
    if entries.purged.get(osd, found.uuid) != found.uuid:
        return "was purged, and another OSD has its number now: take it out of `remove`"
    weight = snapshot.osds[osd].weight
    if weight:
        whole = snapshot.full_weight(osd, leaving)
        return Task(osd, Action.EMPTY, 0, max(0.0, 1 - weight / whole))
    if found.up:
        return "holds nothing any more: stop its daemon, and the next run purges it"
    return Task(osd, Action.PURGE, 0, 1.0)


def look(cluster: Cluster, declared: OsdExpansionArgs, entries: Entries) -> tuple[Work, Snapshot]:
    """The same, asked of CLUSTER."""
    dump = cluster.dump()
    snapshot = cluster.snapshot(dump)
    of_hosts = cluster.of_hosts(declared.hosts) if declared.hosts else set()
    return work(declared, cluster.osds(dump), of_hosts, snapshot, entries), snapshot


def refusals(declared: OsdExpansionArgs, task: Task, snapshot: Snapshot, planned: Plan) -> list[str]:
    """Why TASK must not be done."""
    found = planned.refusals(snapshot.nearfull)
    if task.action is Action.FILL and declared.strategy == "upmap":
        found += upmap.refusals(snapshot, planned.moves)
    return found


def described(
    declared: OsdExpansionArgs, found: Work, snapshot: Snapshot, entries: Entries
) -> dict[str, str]:
    """What a preview shows, by OSD; refusals too."""
    told = {}
    for task in found.tasks:
        if task.action is Action.PURGE:
            told[str(task)] = "purge: it holds nothing"
            continue
        planned = plan(snapshot, {task.osd: task.target}, entries.pins)
        refused = refusals(declared, task, snapshot, planned)
        told[str(task)] = f"{task.action}: {planned.sentence(entries.seconds_per_group)}" + "".join(
            f"; REFUSED: {refusal}" for refusal in refused
        )
    return told | {f"osd.{osd}": f"wait: it {reason}" for osd, reason in found.waiting.items()}
