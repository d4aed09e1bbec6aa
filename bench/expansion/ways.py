"""The ways in which OSDs get their weight.

`full` is the whole weight at once, with Ceph's defaults. `mclock` is the same under mClock's profile
`high_client_ops`. `cern` is CERN's gentle-reweight, `upmap-remapped` CERN's script of that name with Ceph's balancer
after it. `ours-steps` and `ours-upmap` are `dynamic_providers/osd_expansion` with its two strategies, as a process of
their own, as under a timer.

Scaled to the lab: gentle-reweight gives 0.01 a minute, of 5.46 for an OSD in its source, and looks at 10 s of writes
before. A lab's OSD holds a thousandth of such a disk, so here are 65 steps instead of 546, each of which moves about one
of the lab's PGs, with a twentieth of its times: 3 s of sleep and 0.5 s of writes. Its limits (an average of 20 ms, 50 PGs
that backfill) are as published. The balancer's interval is a twentieth as well, 3 s, and its deviation 1 instead of 5,
which calls so small a cluster balanced from the beginning.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clients import ceph
from dynamic_providers.osd_expansion.cluster import BALANCER, PROFILE, Cluster
from dynamic_providers.osd_expansion.provider import DECLARED
from dynamic_providers.osd_expansion.upmap import joined
from lab.ceph_release import PACIFIC, REEF
from lab.settings import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCALE = 20
STEPS, SLEEP_S, LOOK_S, MOST_MS, MOST_BACKFILLING = 65, 60 / SCALE, 10 / SCALE, 20.0, 50
BALANCER_OPTIONS = {
    BALANCER: "true",
    "mgr/mgr/balancer/mode": "upmap",
    "mgr/mgr/balancer/sleep_interval": str(60 // SCALE),
    "mgr/mgr/balancer/upmap_max_deviation": "1",
}
LOOKED_AGAIN_S = 5.0  # the manager hears of PGs this often
LONGEST_S = 3600


@dataclass(frozen=True)
class Join:
    """The cluster, the pool that clients write to, and the weights that OSDs shall have."""

    cluster: Cluster
    conf: str
    pool: str
    weights: Mapping[int, int]

    def ask(self, prefix: str, **arguments: Any) -> Any:
        """Run a command of the monitors."""
        return ceph.command(self.cluster.handle, prefix, **arguments)

    def give(self, share: float = 1.0) -> None:
        """Give each OSD this share of its weight."""
        for osd, weight in self.weights.items():
            self.cluster.reweight(osd, round(weight * share))


def settled(cluster: Cluster) -> bool:
    """Whether all data is where the present map has it; the manager hears of a new map late."""
    belongs = cluster.snapshot().up
    return all(group.is_settled and group.up == belongs.get(name) for name, group in cluster.groups().items())


def settle(cluster: Cluster) -> None:
    """Wait until it is; the balancer may make another map meanwhile."""
    while not settled(cluster):
        time.sleep(1)


@contextmanager
def options(cluster: Cluster, given: Mapping[str, str]) -> Iterator[None]:
    """Have these options while the ``with`` lasts."""
    found = {option: cluster.option(option) for option in given}
    try:
        for option, value in given.items():
            cluster.set_option(option, value)
        yield
    finally:
        for option, former in found.items():
            cluster.set_option(option, former)


def full(join: Join) -> None:
    """Give the whole weight at once."""
    join.give()


def mclock(join: Join) -> None:
    """Give it under a profile that prefers clients."""
    with options(join.cluster, {PROFILE: "high_client_ops"}):
        join.give()
        settle(join.cluster)


def cern(join: Join) -> None:
    """Give a little more now and then, while few PGs backfill and an average of writes is low."""
    done = 0
    with join.cluster.pool(join.pool) as ioctx:
        while done < STEPS:
            backfilling = sum("backfilling" in group.state for group in join.cluster.groups().values())
            if backfilling <= MOST_BACKFILLING and _average_ms(ioctx) <= MOST_MS:
                done += 1
                join.give(done / STEPS)
            time.sleep(SLEEP_S)


def _average_ms(ioctx: Any) -> float:
    begun, count = time.monotonic(), 0
    while time.monotonic() < begun + LOOK_S:
        ioctx.write_full("benchmark_data", os.urandom(4096))
        count += 1
    return (time.monotonic() - begun) * 1000 / count


def upmap_remapped(join: Join) -> None:
    """Give the whole weight under `norebalance`, pin what is remapped, and have the balancer take the pins away."""
    join.ask("osd set", key="norebalance")
    try:
        join.give()
        time.sleep(LOOKED_AGAIN_S)
        while remapped := {
            name: group for name, group in join.cluster.groups().items() if group.up != group.acting
        }:
            upmaps = join.cluster.upmaps()
            pins = {}
            for name, group in remapped.items():
                pairs = zip(sorted(group.up - group.acting), sorted(group.acting - group.up), strict=False)
                pins[name] = joined(upmaps.get(name, ()), tuple(pairs))
            join.cluster.set_upmaps(pins)
            time.sleep(LOOKED_AGAIN_S)
    finally:
        join.ask("osd unset", key="norebalance")
    with options(join.cluster, BALANCER_OPTIONS):
        calm = 0
        while calm < 3:  # noqa: PLR2004 - intervals in which the balancer finds nothing to do
            epoch = join.cluster.epoch()
            time.sleep(2 * 60 / SCALE)
            settle(join.cluster)
            calm = calm + 1 if join.cluster.epoch() == epoch else 0


def ours(strategy: str) -> Callable[[Join], None]:
    """Run the loop as it is."""

    def run(join: Join) -> None:
        declared = {
            "probe_pool": join.pool,
            "fill": sorted(join.weights),
            "strategy": strategy,
            "time_budget_s": LONGEST_S,
        }
        join.cluster.store(DECLARED, json.dumps(declared))
        command = [sys.executable, "-m", "dynamic_providers.osd_expansion", "run"]
        try:
            subprocess.run([*command, "--user", "admin", "--conf", join.conf], cwd=CHECKOUT, check=True)
        finally:
            join.cluster.forget(DECLARED)

    return run


WAYS: dict[str, Callable[[Join], None]] = {
    "full": full,
    "mclock": mclock,
    "cern": cern,
    "upmap-remapped": upmap_remapped,
    "ours-steps": ours("steps"),
    "ours-upmap": ours("upmap"),
}
_LACKING = {PACIFIC: {"mclock"}, REEF: {"upmap-remapped"}}


def of_release(release: str) -> list[str]:
    """The ways that a release of Ceph has: 16.2's queue is not mClock, and the manager of the lab's 18.2 lacks the balancer."""
    return [way for way in WAYS if way not in _LACKING[release]]
