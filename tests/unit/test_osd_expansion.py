"""What is planned for OSDs that fill or leave, and how a run decides; Ceph itself is in tests/lab/test_osd_expansion.py."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from config.load import SettingsError, parse
from dynamic_providers.osd_expansion import upmap
from dynamic_providers.osd_expansion.cluster import PROFILE, SLEEP, Cluster, Found, Group, rights
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from dynamic_providers.osd_expansion.journal import Entries, Journal
from dynamic_providers.osd_expansion.loop import MOST_AT_ONCE, SLEEPS, Pace
from dynamic_providers.osd_expansion.max_avail import Room
from dynamic_providers.osd_expansion.placement import UpSets, parsed, released
from dynamic_providers.osd_expansion.plan import Move, Osd, Snapshot, next_weight, plan
from dynamic_providers.osd_expansion.probe import Latency, Probe
from dynamic_providers.osd_expansion.runner import prefer_clients
from dynamic_providers.osd_expansion.work import Action, work

if TYPE_CHECKING:
    import rados

GIB = 1 << 30
DUMP = """pool 2 pg_num 3
2.0 raw ([2,0], p2) up ([2,0], p2) acting ([2,0], p2)
2.a raw ([1,2147483647], p1) up ([1,NONE], p1) acting ([3], p3)
2.b raw ([], p-1) up ([], p-1) acting ([], p-1)
#osd\tcount\tfirst\tprimary\tc wt\twt
"""


@dataclass(frozen=True)
class ByThreshold(Snapshot):
    """Stands for CRUSH: a PG goes from OSD 0 to OSD 3 as soon as that one weighs enough. Real CRUSH is in the lab's tests."""

    thresholds: tuple[int, ...] = ()

    @property
    def up(self) -> UpSets:
        return self.with_weights({})

    def with_weights(self, weights: Mapping[int, int]) -> UpSets:
        weight = weights.get(3, self.osds[3].weight)
        return {
            f"1.{number:x}": frozenset({1, 3 if weight >= threshold else 0})
            for number, threshold in enumerate(self.thresholds)
        }


def snapshot(*thresholds: int, weight: int = 0, used: int = 5 * GIB) -> ByThreshold:
    osds = {number: Osd(1000, 10 * GIB, used) for number in range(3)} | {3: Osd(weight, 10 * GIB)}
    return ByThreshold(
        b"", osds, dict.fromkeys(map("1.{:x}".format, range(9)), GIB), {1: 2}, thresholds=thresholds
    )


def test_ceph_s_own_tool_is_read_with_its_holes() -> None:
    assert parsed(DUMP) == {"2.0": {0, 2}, "2.a": {1}, "2.b": set()}


@pytest.mark.parametrize(
    ("most", "weight"),
    [(1, 299), (2, 399), (3, 1000), (9, 1000)],
)
def test_a_step_moves_at_most_so_many_pgs_and_goes_as_far_as_it_can(most: int, weight: int) -> None:
    assert next_weight(snapshot(100, 300, 400), 3, 1000, most) == weight


def test_where_no_step_is_small_enough_the_smallest_is_taken() -> None:
    assert next_weight(snapshot(100, 100, 400), 3, 1000, 1) == 100


def test_an_osd_that_leaves_goes_down_by_the_same_steps() -> None:
    full = snapshot(100, 300, 400, weight=1000)
    assert next_weight(full, 3, 0, 1) == 300
    assert next_weight(snapshot(100, weight=99), 3, 0, 1) == 0


def test_a_plan_says_what_moves_how_much_of_that_must_and_which_osd_is_fullest() -> None:
    planned = plan(snapshot(100, 300, 2000), {3: 1000})
    assert [(move.group, set(move.sources), set(move.targets)) for move in planned.moves] == [
        ("1.0", {0}, {3}),
        ("1.1", {0}, {3}),
    ]
    assert planned.bytes == 2 * GIB
    assert planned.ideal_bytes == 6 * GIB // 4
    assert (planned.fullest_before, planned.fullest_after) == ((0.5, 2), (0.5, 2))
    assert planned.sentence().startswith("2 of 3 PGs move, 2.00 GiB (its share: 1.50 GiB), in about 1 min;")
    assert planned.refusals(0.85) == []


def test_a_drain_that_fills_another_osd_too_much_is_refused() -> None:
    planned = plan(snapshot(100, 300, weight=1000, used=8 * GIB), {3: 0})
    assert planned.fullest_after == (1.0, 0)
    assert "osd.0 would be 100% full" in planned.refusals(0.85)[0]


def test_an_osd_whose_place_nobody_can_take_is_not_emptied() -> None:
    class NobodyElse(ByThreshold):
        def with_weights(self, weights: Mapping[int, int]) -> UpSets:
            return {"1.0": frozenset({1} if 3 in weights else {1, 3})}

    one = snapshot(weight=1000)
    planned = plan(NobodyElse(one.osdmap, one.osds, one.bytes_of, one.copies), {3: 0})
    assert "too few OSDs for 1 PGs, such as 1.0" in planned.refusals(0.85)[0]


def room(images: int, used: int) -> Room:
    return Room({"images": images * GIB}, used * GIB)


@pytest.mark.parametrize(
    ("images", "used", "lost"),
    [(80, 20, False), (100, 0, False), (150, 0, False), (96, 0, False), (80, 0, True), (80, 10, True)],
)
def test_an_osd_that_fills_takes_no_room_but_what_clients_store(images: int, used: int, lost: bool) -> None:
    assert bool(room(images, used).lost_since(room(100, 0))) is lost


def test_a_pool_that_is_gone_has_lost_no_room() -> None:
    assert Room({"volumes": 0}, 0).lost_since(room(100, 0)) == []


def test_latency_counts_every_write_and_none_is_endless() -> None:
    assert Latency.of([0.001] * 99 + [2.0]) == Latency(0.001, 2.0, 2.0, 100)
    assert Latency.of([0.001] * 199 + [2.0]).p99 == 0.001
    assert Pace(1.0).is_exceeded(Latency.of([]))


class EndsAtOnce:
    """A pool whose writes end when they begin. It does not show what librados does."""

    def aio_write_full(self, _name: str, _data: bytes, oncomplete: Callable[[object], None]) -> None:
        oncomplete(None)


def test_a_write_that_ends_when_it_is_too_old_to_count_is_forgotten() -> None:
    probe = Probe(cast("rados.Ioctx", EndsAtOnce()), kept_s=-1.0)
    probe._write(0, time.monotonic())
    assert probe.window(60).samples == 0


def p99(seconds: float) -> Latency:
    """A window of this latency."""
    return Latency(0, seconds, seconds, 1)


def test_the_pace_falls_at_once_and_rises_slowly_while_a_step_lasts() -> None:
    pace = Pace(0.1, most=8, sleep=3)
    pace.recover(p99(0.11))
    assert (pace.most, pace.sleep) == (4, 5)
    pace.recover(p99(0.09))  # near the bound
    assert (pace.most, pace.sleep) == (4, 6)
    pace.recover(p99(0.07))
    assert (pace.most, pace.sleep) == (4, 6)
    pace.recover(p99(0.05))
    assert (pace.most, pace.sleep) == (4, 5)
    for _ in range(20):
        pace.recover(p99(0.05))
    assert (pace.most, pace.sleep) == (4, 0)
    for _ in range(20):
        pace.recover(p99(0.11))
    assert (pace.most, pace.sleep) == (1, len(SLEEPS) - 1)


def test_latency_that_is_hardly_above_the_quiet_one_leaves_room_whatever_the_bound_is() -> None:
    pace = Pace(0.005, quiet=0.0025, sleep=8)
    pace.recover(p99(0.0039))
    assert pace.sleep == 7
    pace.recover(p99(0.0046))
    assert pace.sleep == 8


def test_a_step_has_more_pgs_than_the_last_one_if_that_left_room() -> None:
    pace = Pace(0.1)
    pace.grow(p99(0.09))
    assert pace.most == 1
    for _ in range(20):
        pace.grow(p99(0.07))
    assert pace.most == MOST_AT_ONCE


@pytest.mark.parametrize(
    ("given", "quiet", "bound"), [({}, 0.02, 0.04), ({}, 0.0001, 0.005), ({"latency_ms": 30}, 0.02, 0.03)]
)
def test_the_bound_follows_from_the_quiet_latency_or_is_given(
    given: dict[str, int], quiet: float, bound: float
) -> None:
    assert Pace.within(declared(**given), Latency(0, quiet, quiet, 1)).bound == pytest.approx(bound)


def declared(**given: object) -> OsdExpansionArgs:
    return OsdExpansionArgs.model_validate({"user": "u", "probe_pool": "volumes", **given})


def found(*osds: int, up: bool = True) -> dict[int, Found]:
    return {osd: Found(f"uuid-{osd}", up, 1.0) for osd in osds}


def test_an_osd_fills_to_the_weight_that_others_have_by_their_size() -> None:
    there = work(declared(fill=[3, 4]), found(0, 1, 2, 3), set(), snapshot(weight=370), Entries())
    assert [(task.osd, task.action, task.target, task.done) for task in there.tasks] == [
        (3, Action.FILL, 1000, 0.37)
    ]
    assert set(there.waiting) == {4}


def test_a_full_osd_is_done_and_one_that_is_no_primary_yet_is_not() -> None:
    full = snapshot(weight=995)
    assert work(declared(fill=[3]), found(0, 1, 2, 3), set(), full, Entries()).tasks == ()
    later = work(declared(fill=[3]), found(0, 1, 2, 3), set(), full, Entries(affinity={3: 1.0}))
    assert [task.target for task in later.tasks] == [995]


def test_a_hosts_osds_fill_unless_they_leave() -> None:
    there = work(
        declared(hosts=["h"], remove=[3]), found(0, 1, 2, 3), {2, 3}, snapshot(weight=500), Entries()
    )
    assert [(task.osd, task.action, task.done) for task in there.tasks] == [(3, Action.EMPTY, 0.5)]


def test_an_empty_osd_waits_until_its_daemon_is_stopped_and_is_purged_then() -> None:
    up = work(declared(remove=[3]), found(0, 1, 2, 3), set(), snapshot(), Entries())
    assert not up.tasks
    assert "stop its daemon" in up.waiting[3]
    down = work(declared(remove=[3]), found(3, up=False), set(), snapshot(), Entries())
    assert [task.action for task in down.tasks] == [Action.PURGE]
    assert work(declared(remove=[3]), found(0), set(), snapshot(), Entries()).tasks == ()


def test_another_osd_with_the_number_of_one_that_was_purged_is_left_alone() -> None:
    there = work(
        declared(remove=[3]), found(3), set(), snapshot(weight=1000), Entries(purged={3: "uuid-before"})
    )
    assert not there.tasks
    assert "another OSD has its number" in there.waiting[3]


def test_a_placement_group_is_settled_where_it_is_clean_and_where_it_belongs() -> None:
    here, there = frozenset({1}), frozenset({2})
    assert Group("active+clean+scrubbing", here, here, 1).is_settled
    assert not Group("active+clean", here, there, 1).is_settled
    assert not Group("active+remapped+backfilling", here, here, 1).is_settled


def test_a_pinned_pg_is_where_it_was_and_released_it_is_where_crush_has_it() -> None:
    ours = upmap.pinned([Move("1.0", frozenset({0}), frozenset({3}), 0)])
    assert ours == {"1.0": ((3, 0),)}
    assert released({"1.0": frozenset({0, 1}), "1.1": frozenset({2})}, ours) == {"1.0": {3, 1}, "1.1": {2}}
    assert released({"1.0": frozenset({3, 1})}, ours) == {"1.0": {3, 1}}


def test_of_the_pins_only_those_count_that_are_still_there() -> None:
    ours = {"1.0": ((3, 0),), "1.1": ((3, 1),), "1.2": ((3, 2), (4, 1))}
    there = {"1.0": ((5, 6), (3, 0)), "1.2": ((4, 1),)}
    assert upmap.effective(there, ours) == {"1.0": ((3, 0),), "1.2": ((4, 1),)}
    assert upmap.joined(((5, 6),), ((3, 0), (5, 6))) == ((5, 6), (3, 0))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"clients": ["reef", "luminous"]}, ""),
        ({"min_client": "jewel"}, "require_min_compat_client is jewel"),
        ({"min_client": ""}, "require_min_compat_client is not set"),
        ({"clients": ["luminous", "hammer"]}, "clients of hammer are connected"),
        ({"erasure_coded": [1]}, "erasure-coded pools, whose copies differ, such as of pool 1"),
        ({"erasure_coded": [2]}, ""),
    ],
)
def test_pins_are_refused_where_they_would_not_hold(changes: dict[str, Any], says: str) -> None:
    found = upmap.refusals(replace(snapshot(), **changes), [Move("1.0", frozenset({0}), frozenset({3}), 0)])
    assert len(found) == bool(says)
    assert says in "".join(found)


def test_an_osd_is_as_full_as_its_released_pgs() -> None:
    pins = {"1.2": ((3, 0),), "1.8": ((7, 0),)}
    there = work(
        declared(fill=[3]), found(0, 1, 2, 3), set(), snapshot(1, 1, 2000, weight=1000), Entries(pins=pins)
    )
    assert [(task.target, task.done) for task in there.tasks] == [(1000, 2 / 3)]


class KilledError(Exception):
    """The run ends here."""


class Monitors(Cluster):
    """Stands for the monitors' configuration and keys, with a kill after so many writes; real ones are in the lab's tests."""

    def __init__(self, kept: dict[str, str | None], writes: int = 99) -> None:
        self.kept, self.writes = kept, writes

    def option(self, option: str) -> str | None:
        return self.kept.get(option)

    def set_option(self, option: str, value: str | None) -> None:
        self._write(option, value)

    def key(self, name: str) -> Any:
        return json.loads(self.kept.get(name) or "null")

    def store(self, name: str, text: str) -> None:
        self._write(name, text)

    def _write(self, name: str, value: str | None) -> None:
        if not self.writes:
            raise KilledError
        self.writes -= 1
        self.kept[name] = value


@pytest.mark.parametrize("writes", range(9))
@pytest.mark.parametrize("found", [None, "0.500000"])
def test_killed_after_any_write_the_next_run_puts_back_what_was_found(writes: int, found: str | None) -> None:
    kept: dict[str, str | None] = {SLEEP: found}
    with suppress(KilledError):
        killed = Journal(Monitors(kept, writes))
        for value in ("0.1", "0.2", "0.1"):
            killed.set_option(SLEEP, value)
        killed.restore()
    after = Journal(Monitors(kept))
    after.restore()
    assert kept[SLEEP] == found
    assert Journal(Monitors(kept)).entries.options == {}


def test_an_option_that_somebody_changes_meanwhile_stays_so() -> None:
    kept: dict[str, str | None] = {SLEEP: None}
    journal = Journal(Monitors(kept))
    assert journal.set_option(SLEEP, "0.1")
    kept[SLEEP] = "7"
    assert not journal.set_option(SLEEP, "0.2")
    journal.restore()
    assert kept[SLEEP] == "7"


@pytest.mark.parametrize(
    ("found", "during"), [(None, "high_client_ops"), ("balanced", "high_client_ops"), ("custom", "custom")]
)
def test_clients_come_first_under_mclock_unless_somebody_has_a_profile_of_their_own(
    found: str | None, during: str
) -> None:
    kept: dict[str, str | None] = {PROFILE: found}
    journal = Journal(Monitors(kept))
    prefer_clients(journal)
    assert kept[PROFILE] == during
    journal.restore()
    assert kept[PROFILE] == found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"remove": [2, 3], "fill": [3]}, "osd_expansion.remove[1]: OSD 3 is in fill too"),
        ({"fill": [3, 3]}, "osd_expansion.fill[1]: OSD 3 is given twice"),
        ({"user": "client.x"}, "osd_expansion.user: 'client.x' has 'client.' before it"),
        ({"latency_times": 1}, "osd_expansion.latency_times"),
        ({"probe_pool": None}, "osd_expansion.probe_pool"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(changes: dict[str, object], says: str) -> None:
    raw = {"openstack": {"cloud": "c"}, "osd_expansion": {"probe_pool": "volumes"} | changes}
    with pytest.raises(SettingsError) as caught:
        parse(raw, file_name="Pulumi.test.yaml", root=Path("/project"))
    assert any(says in sentence for sentence in caught.value.sentences), caught.value.sentences


def test_the_stack_file_can_declare_its_user() -> None:
    user = {"name": "osd-expansion", "caps": rights("volumes")}
    raw = {"openstack": {"cloud": "c"}, "ceph": {"user": "admin"}, "ceph_users": [user]}
    assert parse(raw, file_name="Pulumi.test.yaml", root=Path("/project")).ceph_users


def test_the_caps_name_each_command_and_one_prefix_of_objects() -> None:
    caps = rights("volumes")
    assert caps["osd"] == "allow rwx pool=volumes object_prefix private-cloud-probe."
    assert "allow *" not in str(caps)
    assert 'allow command "config set" with who=osd name=osd_recovery_sleep' in caps["mon"]
