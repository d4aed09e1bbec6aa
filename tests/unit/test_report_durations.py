"""How long long steps should take: from measured figures, and where there is none it is said so."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.image.sources import DATA
from operations.report.durations import IMAGE_BENCH_DATA, RESULTS, Duration, duration
from tests.unit.report_cloud import DEPLOYMENT, IMAGE, NETWORK, change


def host(number: int) -> dict[str, Any]:
    return {"ssh": {"address": f"10.0.0.{number}"}, "removal": "drain"}


def figures(folder: Path, name: str, ways: dict[str, float]) -> None:
    content = {"machine": "a test", "ways": {way: {"median_s": seconds} for way, seconds in ways.items()}}
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def enrolled(folder: Path, hosts: int) -> Duration | None:
    new = {"hosts": {f"h{number}": host(number) for number in range(hosts)}}
    return duration(change("create", DEPLOYMENT, "hosts", new=new), folder)


def imported(folder: Path, **inputs: Any) -> Duration | None:
    (folder / "a.qcow2").write_bytes(b"x" * 1024)
    new = {"source": "a.qcow2", "sha256": "b", **inputs}
    return duration(change("create", IMAGE, "debian", new=new), folder, folder)


def test_the_size_that_was_measured_is_the_benchmarks() -> None:
    assert IMAGE_BENCH_DATA == DATA


def test_an_import_is_reckoned_from_its_sources_size_and_says_what_it_rests_on(tmp_path: Path) -> None:
    figures(tmp_path, "image.json", {"ours": 1024.0**2, "ours-sha512": 2 * 1024.0**2})
    found, hashed = imported(tmp_path, hash="none"), imported(tmp_path)
    assert found
    assert hashed
    assert (found.seconds, hashed.seconds) == (1.0, 2.0)
    assert "bench/results/image.json, ours: " in found.source
    assert "bench/results/image.json, ours-sha512: " in hashed.source
    assert "(a test)" in found.source


@pytest.mark.parametrize("source", ["https://images.example/a.qcow2", "gone.qcow2"])
def test_where_the_sources_size_is_not_known_no_time_is_given(tmp_path: Path, source: str) -> None:
    figures(tmp_path, "image.json", {"ours-sha512": 1.0})
    found = imported(tmp_path, source=source)
    assert found
    assert found.seconds is None
    assert found.words.startswith("not known: its source")


def test_without_a_figure_no_time_is_given(tmp_path: Path) -> None:
    for found in (imported(tmp_path), enrolled(tmp_path, 2)):
        assert found
        assert found.seconds is None
        assert found.words.startswith("not known: bench/results/")


def test_an_image_whose_content_stays_is_no_long_step(tmp_path: Path) -> None:
    same = {"source": "a", "sha256": "b"}
    renamed = change("update", IMAGE, "x", old={**same, "min_ram_mb": 1}, new={**same, "min_ram_mb": 2})
    assert duration(renamed, tmp_path) is None
    assert duration(change("create", NETWORK, "vms", new={"a": 1}), tmp_path) is None


def test_hosts_lie_on_the_line_between_those_that_were_measured(tmp_path: Path) -> None:
    figures(tmp_path, "hosts.json", {"ours-1": 100, "ours-3": 140, "ours-6": 200, "by-hand-1": 1})
    found = [enrolled(tmp_path, hosts) for hosts in (1, 2, 3, 6, 9)]
    assert [one.seconds for one in found if one] == [100, 120, 140, 200, 260]


def test_the_figures_that_are_there_are_understood() -> None:
    found = enrolled(RESULTS, 3)
    assert found
    assert found.seconds
    assert "bench/results/hosts.json: 1 in " in found.source
