"""What the bench of growing Ceph makes of what it saw; the runs themselves are on a real Ceph."""

from pathlib import Path
from typing import Any

import pytest

from bench.expansion import plot
from bench.expansion.client import Write
from bench.expansion.measure import PEERING
from bench.expansion.report import report
from bench.expansion.trace import BEFORE, UNKNOWN, waits


def run(way: str, **given: Any) -> dict[str, Any]:
    """A line as `measure` makes it."""
    setting = {"ceph": "16.2.15", "young": False, "osds": 1, "load": "writes", "iops": 0}
    figures: dict[str, Any] = dict.fromkeys(("p50_ms", "samples", "stalled", "moves", "load_average"), 1)
    figures |= {"quiet_p99_ms": 10, "p99_ms": 20, "planned_to_ideal": 1.0, "copied_to_ideal": 1.0}
    seen = {
        "each_second_ms": [(0, 2.0, 9.0, 9.0), (2, 3.0, 70.0, 700.0)],
        "marks": [(0.1, 7, "osd.3's weight 0.1")],
    }
    told: dict[str, Any] = {
        "planned_seconds": None,
        "not_as_planned": [],
        "waited_ms": {"waiting for peered": 9.0},
    }
    told["peering_s"] = dict.fromkeys(PEERING, 1.0)
    return {"way": way, "worst_ms": 100.0, "seconds": 10.0} | setting | figures | seen | told | given


def test_a_slow_write_waited_for_what_its_operations_name_until_their_next_event() -> None:
    write = Write(10.0, 1.0, "bench.1")
    events = {
        "bench.1": [
            (9.0, "done"),  # of a write before
            (10.2, "initiated"),
            (10.25, "waiting for peered"),
            (10.75, "waiting for subops from 1,2"),
            (11.5, "initiated"),  # of one after
        ]
    }
    found = waits([write], events)
    assert found == pytest.approx(
        {BEFORE: 200, "initiated": 50, "waiting for peered": 500, "waiting for subops": 250}
    )
    assert waits([write], {}) == pytest.approx({UNKNOWN: 1000})


def test_our_ways_are_compared_with_full_weight_and_with_cern_s() -> None:
    runs = [run("full"), run("cern", seconds=80.0), run("ours-steps", worst_ms=5.0, planned_seconds=20.0)]
    found = report([*runs, run("full", worst_ms=300.0), run("full", osds=2)])["settings"]
    first = found["Ceph 16.2.15, aged PGs, 1 OSDs, writes, no limit of IOPS"]
    assert first["rounds"] == {"full": 2, "cern": 1, "ours-steps": 1}
    assert first["ways"]["full"]["worst_of_all_ms"] == 300.0
    assert first["ratios"]["ours-steps: p99/quiet"] == 2
    assert first["ratios"]["ours-steps/full: worst_ms"] == 5 / 200
    assert first["ratios"]["ours-steps/cern: seconds"] == 1 / 8
    assert first["ratios"]["ours-steps: seconds/planned"] == 0.5


def test_a_picture_shows_what_was_changed(tmp_path: Path) -> None:
    plot.draw([run("full")], tmp_path)
    text = (tmp_path / "expansion-full.svg").read_text(encoding="utf-8")
    assert "<title>osd.3's weight 0.1</title>" in text
    assert text.count("<polyline") == 2
