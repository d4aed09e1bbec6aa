"""One run: quiet clients, then OSDs that join by one way, until all data is where it belongs."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.expansion.client import clients, latency, writes
from bench.expansion.marks import noted
from bench.expansion.room import counters, empty
from bench.expansion.trace import events, waits
from bench.expansion.ways import WAYS, Join, settle
from dynamic_providers.osd_expansion import journal
from dynamic_providers.osd_expansion.plan import plan

if TYPE_CHECKING:
    from collections.abc import Collection

    from bench.expansion.client import Write

WINDOWS, WINDOW_S, MOST_APART = 6, 5.0, 1.5
PER_SECOND = {"idle": 10, "writes": 100, "mixed": 100}
STALLED = 3  # times the quiet p99
PEERING = ("getinfo", "getlog", "waitactingchange", "getmissing", "waitupthru")
"""The states of a PG that peers: it asks other OSDs, waits for `pg_temp`, asks again, waits for `up_thru`."""
Run = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """What is alike in the runs that are compared.

    Attributes:
        ceph: the release.
        young: whether PGs are; else aged.
        osds: how many join.
        load: of the clients.
        iops: that each OSD's reads and writes are limited to; 0 for none.
    """

    ceph: str
    young: bool
    osds: int
    load: str
    iops: int

    def __str__(self) -> str:
        age = "young" if self.young else "aged"
        limit = f"{self.iops} IOPS" if self.iops else "no limit of IOPS"
        return f"Ceph {self.ceph}, {age} PGs, {self.osds} OSDs, {self.load}, {limit}"


def measure(way: str, join: Join, setting: Setting, most_apart: float) -> Run:
    """Join by WAY, and leave again; what is void says so."""
    snapshot = join.cluster.snapshot()
    planned = plan(snapshot, join.weights)
    planned_seconds = planned.seconds(journal.read(join.cluster).seconds_per_group)
    known = sorted(snapshot.osds)
    run: Run = {"way": way} | asdict(setting)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "writes")
        with clients(join.conf, join.pool, PER_SECOND[setting.load], log, mixed=setting.load == "mixed"):
            time.sleep(WINDOW_S)
            quiet_from = time.time()
            time.sleep(WINDOWS * WINDOW_S)
            quiet = _quiet(writes(log), quiet_from)
            first, _, third = statistics.quantiles(quiet, n=4)
            run |= {"quiet_p99_ms": statistics.median(quiet) * 1000, "void": third > most_apart * first}
            if run["void"]:
                return run
            copied, peered = _copied(join, known), _peering(join, known)
            begun = time.time()
            with noted(join.cluster, join.conf, join.weights) as marks:
                WAYS[way](join)
                settle(join.cluster)
                ended = time.time()
        done = [write for write in writes(log) if begun <= write.due < ended]
    acting = {name: group.acting for name, group in join.cluster.groups().items()}
    found = latency(done, begun, ended)
    stalled = [write for write in done if write.took * 1000 > STALLED * run["quiet_p99_ms"]]
    run |= {
        "seconds": ended - begun,
        "p50_ms": found.p50 * 1000,
        "p99_ms": found.p99 * 1000,
        "worst_ms": found.worst * 1000,
        "samples": found.samples,
        "planned_to_ideal": planned.bytes / planned.ideal_bytes,
        "copied_to_ideal": (_copied(join, known) - copied) / planned.ideal_bytes,
        "moves": len(planned.moves),
        "not_as_planned": sorted(name for name, osds in planned.after.items() if acting.get(name) != osds),
        "planned_seconds": planned_seconds if way.startswith("ours") else None,
        "stalled": len(stalled),
        "waited_ms": waits(stalled, events(join.cluster, known, begun) if stalled else {}),
        "peering_s": {state: s - peered[state] for state, s in _peering(join, known).items()},
        "load_average": os.getloadavg()[0],
        "each_second_ms": _each_second(done, begun, ended),
        "marks": [(round(at - begun, 1), epoch, what) for at, epoch, what in marks],
    }
    empty(join)
    return run


def _quiet(done: list[Write], begin: float) -> list[float]:
    return [
        latency(done, begin + number * WINDOW_S, begin + (number + 1) * WINDOW_S).p99
        for number in range(WINDOWS)
    ]


def _copied(join: Join, osds: Collection[int]) -> int:
    """The bytes that recoveries have copied until now."""
    return sum(int(counters(join.cluster, osd)["recovery_bytes"]) for osd in osds)


def _peering(join: Join, osds: Collection[int]) -> dict[str, float]:
    """The seconds that all PGs have spent in each state of peering until now."""
    each = [counters(join.cluster, osd, "recoverystate_perf") for osd in osds]
    return {state: sum(one[f"{state}_latency"]["sum"] for one in each) for state in PEERING}


def _each_second(done: list[Write], begin: float, end: float) -> list[tuple[float, ...]]:
    """The number of each second with writes, its p50, p99 and worst."""
    found = {
        second: latency(done, begin + second, begin + second + 1) for second in range(int(end - begin) + 1)
    }
    return [
        (second, *(round(each * 1000, 1) for each in (one.p50, one.p99, one.worst)))
        for second, one in found.items()
        if one.samples
    ]
