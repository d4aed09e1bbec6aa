"""A Ceph of the bench's own: OSDs without weight, and a pool whose placement groups (PGs) are aged or young.

A young PG's log covers its whole history, and a new OSD is filled from the log. An aged one's begins later, as after
some thousand writes, and an OSD is filled by backfill. Here its log is cut short, and all PGs have moved forth and back.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.expansion.disks import MEMORY, OPTIONS, OsdsOnDisks
from bench.expansion.ways import Join, options, settle
from clients import ceph
from clients.errors import CloudError
from dynamic_providers.osd_expansion.cluster import BALANCER, SLEEP, Cluster, connected
from dynamic_providers.osd_expansion.plan import plan
from lab import ceph_release, settings
from lab.own_ceph import make_pool, own_ceph, with_osds
from lab.settings import EXTRA_OSDS, OSD_COUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

POOL = "bench-expansion"
GROUPS, COPIES, OBJECTS, SIZE = 32, 2, 300, 4 << 20
SHORT = {
    "osd/osd_min_pg_log_entries": "2",
    "osd/osd_max_pg_log_entries": "4",
    "osd/osd_pg_log_trim_min": "1",
    "osd/osd_target_pg_log_entries_per_osd": "1",
}
LONG = {"osd/osd_max_pg_log_entries": "100000", "osd/osd_min_pg_log_entries": "100000"}
DELETES_S = 2.0
REPORTED_S = 6.0  # the manager hears of an OSD's PGs every five seconds
QUICK = {SLEEP: "0.020000", "osd/osd_max_backfills": "4", "osd/osd_delete_sleep": "0.001000"}
TRACED = {"osd/osd_op_history_size": "3000", "osd/osd_op_history_duration": "3600"}
"""So many of an hour's operations does each OSD remember, and they are the longest."""


@contextmanager
def room(count: int, iops: int, *, young: bool) -> Iterator[Join]:
    """A Ceph of the bench's own, so many OSDs that have joined it without weight, and the weights that are theirs."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-expansion-", dir=MEMORY) as folder,
        own_ceph(Path(folder), options=OPTIONS) as conf,
        with_osds(OsdsOnDisks(conf, iops), OSD_COUNT) as osds,
        connected("admin", str(conf)) as cluster,
    ):
        cluster.set_option("osd/osd_crush_initial_weight", "0")
        joined = EXTRA_OSDS[:count]
        for osd in joined:
            osds.add(osd)
        while not all(cluster.snapshot().osds[osd].capacity for osd in joined):  # they have just joined
            time.sleep(1)
        snapshot = cluster.snapshot()
        join = Join(cluster, str(conf), POOL, {osd: snapshot.full_weight(osd, joined) for osd in joined})
        balancer = {BALANCER: "false"} if ceph_release.chosen(settings.load()) == ceph_release.PACIFIC else {}
        with options(cluster, balancer | TRACED | (LONG if young else {})):
            _make_pool(join)
            if not young:
                _age(join)
            yield join


def empty(join: Join) -> None:
    """Have the OSDs without weight and without PGs again, and upmaps as CRUSH has it."""
    with options(join.cluster, QUICK):
        join.give(0)
        if upmaps := join.cluster.upmaps():
            join.cluster.set_upmaps(dict.fromkeys(upmaps, ()))
        settle(join.cluster)
        former, held = -1, _held(join)
        while held != former:  # they delete what they held; a PG may be left until it peers again
            time.sleep(DELETES_S)
            former, held = held, _held(join)


def _held(join: Join) -> int:
    return sum(int(counters(join.cluster, osd)["numpg"]) for osd in join.weights)


def counters(cluster: Cluster, osd: int, kind: str = "osd") -> dict[str, Any]:
    """What an OSD counts."""
    return dict(tell(cluster, osd, "perf dump", logger=kind)[kind])


def tell(cluster: Cluster, osd: int, prefix: str, **arguments: str) -> Any:
    """Ask an OSD itself."""
    asked = json.dumps({"prefix": prefix, "format": "json", **arguments})
    code, out, message = cluster.handle.osd_command(osd, asked, b"", timeout=60)
    if code:
        raise CloudError(f"osd.{osd} did not answer {prefix}: {message}")
    return json.loads(out)


def _make_pool(join: Join) -> None:
    """A pool with data; its number decides where CRUSH has its PGs, so that bad luck is tried again."""
    make_pool(Path(join.conf), POOL, groups=GROUPS, size=COPIES)
    while not _is_usual(join):
        join.ask("osd pool delete", pool=POOL, pool2=POOL, yes_i_really_really_mean_it=True)
        make_pool(Path(join.conf), POOL, groups=GROUPS, size=COPIES)
    with join.cluster.pool(POOL) as ioctx:
        for number in range(OBJECTS):
            ioctx.write_full(f"data.{number}", os.urandom(SIZE))


def _is_usual(join: Join) -> bool:
    """Whether the OSDs get as many PGs as is their share, but for one: the runs of another pool are like these then."""
    snapshot = join.cluster.snapshot()
    gained = sum(len(move.targets) for move in plan(snapshot, join.weights).moves)
    new, old = sum(join.weights.values()), sum(osd.weight for osd in snapshot.osds.values())
    return abs(gained - COPIES * GROUPS * new / (new + old)) <= 1


def _age(join: Join) -> None:
    with options(join.cluster, SHORT), join.cluster.pool(POOL) as ioctx:
        while young := _young(join.cluster):
            print(f"{young} PGs are young", file=sys.stderr, flush=True)
            for number in range(OBJECTS):
                ioctx.write(f"data.{number}", b"\0" * 4096)
            time.sleep(REPORTED_S)
    with options(join.cluster, QUICK):
        join.give()
        settle(join.cluster)
    empty(join)


def _young(cluster: Cluster) -> int:
    """How many PGs of the pool have a log of their whole history."""
    rows = ceph.command(cluster.handle, "pg dump", to="manager", dumpcontents=["pgs"])["pg_stats"]
    number = next(pool["pool"] for pool in cluster.dump()["pools"] if pool["pool_name"] == POOL)
    return sum(row["log_start"] == "0'0" for row in rows if row["pgid"].startswith(f"{number}."))
