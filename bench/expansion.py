"""A fourth OSD joins the lab's Ceph while a client writes, by several ways: `make bench-expansion`.

`full` is the whole weight at once, with Ceph's defaults. `steps` is a fixed step of the weight now and then, which is
CERN's gentle-reweight without its look at latency, with step and interval scaled to the lab. `steps-quick` is the same
with short proposals of the monitors. `ours` is the loop of `dynamic_providers/osd_expansion`, `ours-upmap` with
its other strategy.

The client writes 4 KiB, open loop; before each run it is quiet for six windows, and a run whose windows differ is void.
Each run is a line of a file, and a bench that is started again goes on with what is missing there. All OSDs share one
disk and the cores with the client: that says little about a cluster with its own disks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from clients import ceph
from dynamic_providers.osd_expansion import loop
from dynamic_providers.osd_expansion.cluster import PROPOSALS, Cluster, connected
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from dynamic_providers.osd_expansion.plan import plan
from dynamic_providers.osd_expansion.probe import probing
from lab import settings
from lab.settings import CHECKOUT, EXTRA_OSDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import rados

POOL = "bench-expansion"
GROUPS, OBJECTS, SIZE = 32, 400, 1 << 20
OSD = EXTRA_OSDS[0]
STEPS, INTERVAL_S = 16, 5.0
WINDOWS, WINDOW_S, MOST_APART, MOST_VOID = 6, 5.0, 1.5, 3
LONGEST_S = 3600
RESULTS = Path(__file__).parent / "results" / "expansion.json"
RUNS = CHECKOUT / ".cloud" / "bench-expansion.jsonl"
Run = dict[str, Any]


def settle(cluster: Cluster) -> None:
    """Wait until all data is where the present map has it; the manager hears of a new map late."""
    belongs = cluster.snapshot().up
    while not all(
        group.is_settled and group.up == belongs.get(name) for name, group in cluster.groups().items()
    ):
        time.sleep(1)


def full(cluster: Cluster, weight: int) -> None:
    """Give the whole weight at once."""
    cluster.reweight(OSD, weight)


def steps(cluster: Cluster, weight: int) -> None:
    """Give it by fixed steps, each after a while and when the one before is done."""
    for number in range(1, STEPS + 1):
        cluster.reweight(OSD, weight * number // STEPS)
        time.sleep(INTERVAL_S)
        settle(cluster)


def steps_quick(cluster: Cluster, weight: int) -> None:
    """Do the same with short proposals."""
    cluster.set_option(PROPOSALS, loop.QUICK_PROPOSALS)
    try:
        steps(cluster, weight)
    finally:
        cluster.set_option(PROPOSALS, None)


def ours(cluster: Cluster, _weight: int, strategy: Literal["steps", "upmap"] = "steps") -> None:
    """Run the loop as it is."""
    args = OsdExpansionArgs(
        user="admin",
        conf=ceph.conf_path(None),
        probe_pool=POOL,
        fill=[OSD],
        strategy=strategy,
        time_budget_s=LONGEST_S,
    )
    assert loop.run(cluster, args) == loop.Outcome()


def ours_upmap(cluster: Cluster, weight: int) -> None:
    """Run it with strategy `upmap`."""
    ours(cluster, weight, "upmap")


WAYS: dict[str, Callable[[Cluster, int], None]] = {
    "full": full,
    "steps": steps,
    "steps-quick": steps_quick,
    "ours": ours,
    "ours-upmap": ours_upmap,
}


@contextmanager
def another_osd() -> Iterator[tuple[Cluster, rados.Ioctx]]:
    """An OSD without weight, and a pool with data; both are gone afterwards."""
    command = [sys.executable, "-m", "lab", "osd"]
    subprocess.run([*command, "add", str(OSD)], cwd=CHECKOUT, check=True)
    try:
        with connected("admin", str(settings.load().ceph_conf)) as cluster:
            ceph.command(cluster.handle, "osd pool create", pool=POOL, pg_num=GROUPS, pgp_num=GROUPS)
            try:
                with cluster.pool(POOL) as ioctx:
                    for number in range(OBJECTS):
                        ioctx.write_full(f"data.{number}", os.urandom(SIZE))
                    yield cluster, ioctx
            finally:
                cluster.reweight(OSD, 0)
                sure: dict[str, Any] = {"yes_i_really_really_mean_it": True}
                ceph.command(cluster.handle, "osd pool delete", pool=POOL, pool2=POOL, **sure)
                settle(cluster)
    finally:
        subprocess.run([*command, "remove", str(OSD)], cwd=CHECKOUT, check=True)


def measure(name: str, cluster: Cluster, ioctx: rados.Ioctx, most_apart: float) -> Run:
    """One run, from weight 0 to the whole weight; what is void says so."""
    settle(cluster)
    while not cluster.snapshot().osds[OSD].capacity:  # it has just joined
        time.sleep(1)
    snapshot = cluster.snapshot()
    weight = snapshot.full_weight(OSD, [OSD])
    planned = plan(snapshot, {OSD: weight})
    with probing(ioctx, LONGEST_S) as probe:
        time.sleep(WINDOW_S)
        quiet = []
        for _ in range(WINDOWS):
            time.sleep(WINDOW_S)
            quiet.append(probe.window(WINDOW_S).p99)
        first, _, third = statistics.quantiles(quiet, n=4)
        run: Run = {
            "way": name,
            "void": third > most_apart * first,
            "quiet_p99_ms": statistics.median(quiet) * 1000,
        }
        if run["void"]:
            return run
        begun = time.monotonic()
        WAYS[name](cluster, weight)
        settle(cluster)
        took = time.monotonic() - begun
        found = probe.window(took)
    cluster.reweight(OSD, 0)
    return run | {
        "seconds": took,
        "p99_ms": found.p99 * 1000,
        "worst_ms": found.worst * 1000,
        "samples": found.samples,
        "moved_to_ideal": planned.bytes / planned.ideal_bytes,
        "load": os.getloadavg()[0],
    }


def report(runs: list[Run]) -> Run:
    """The figures, as every bench writes them."""
    by_way: dict[str, list[Run]] = {}
    for run in runs:
        by_way.setdefault(run["way"], []).append(run)
    keys = ("seconds", "quiet_p99_ms", "p99_ms", "worst_ms", "samples", "moved_to_ideal", "load")
    ways = {
        way: {key: statistics.median(run[key] for run in own) for key in keys} for way, own in by_way.items()
    }
    ratios = {f"{way}: p99/quiet": own["p99_ms"] / own["quiet_p99_ms"] for way, own in ways.items()}
    if "full" in ways:
        for key in ("worst_ms", "seconds"):
            ratios |= {f"{way}/full: {key}": own[key] / ways["full"][key] for way, own in ways.items()}
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "rounds": {way: len(own) for way, own in by_way.items()},
        "ways": ways,
        "ratios": ratios,
    }


def main() -> None:
    """Measure what is missing, write the JSON after each run."""
    parser = argparse.ArgumentParser(prog="python -m bench.expansion", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(WAYS), help="names of ways, by commas")
    parser.add_argument("--most-apart", type=float, default=MOST_APART, help="quartiles of the quiet windows")
    parser.add_argument("--runs", type=Path, default=RUNS, help="a line for each run")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    lines = given.runs.read_text(encoding="utf-8").splitlines() if given.runs.exists() else []
    runs: list[Run] = [json.loads(line) for line in lines]
    todo = [name for _ in range(given.rounds) for name in given.only.split(",")]
    for run in runs:
        if run["way"] in todo:
            todo.remove(run["way"])
    void = 0
    with another_osd() as (cluster, ioctx):
        while todo:
            run = measure(todo[0], cluster, ioctx, given.most_apart)
            print(json.dumps(run), flush=True)
            void = void + 1 if run["void"] else 0
            if void == MOST_VOID:
                print(f"{MOST_VOID} runs in a row were void: the machine is not quiet enough.")
                break
            if not run["void"]:
                todo.pop(0)
                runs.append(run)
                with given.runs.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(run) + "\n")
                given.results.write_text(json.dumps(report(runs), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
