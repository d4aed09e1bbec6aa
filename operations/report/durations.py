"""How long the long steps should take, by what `make bench` measured; whoever reads it sees on what machine.

An import is reckoned from the size of its source, enrolment from the number of hosts. What was never measured is said
to be so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operations.report.rules.host import deployed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations.report.change import Change

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results"
IMAGE_BENCH_DATA = 1 << 30
"""Bytes of data that bench/image imports."""

_IMAGE = "pulumi-python:dynamic/ceph:RbdImage"
_DEPLOYMENT = "pulumi-python:dynamic/kolla:KollaDeployment"
_SYSTEMS = "pulumi-python:dynamic/hosts:HostOs"
_MINUTE_S = 60
_MIB = 1 << 20


@dataclass(frozen=True)
class Duration:
    """How long a step should take.

    Attributes:
        seconds: None where that is not known.
        words: the same for people, or why it is not known.
        source: which figure it rests on; empty without one.
    """

    seconds: float | None
    words: str
    source: str = ""


def duration(change: Change, results: Path = RESULTS, root: Path = Path()) -> Duration | None:
    """How long CHANGE should take, where it is a long step; None where it is none.

    Args:
        change: the change.
        results: the folder of the measured figures.
        root: what the paths of sources start at: the project's folder.
    """
    if change.type == _IMAGE and _imports(change):
        return _import(change, results, root)
    if change.type == _DEPLOYMENT and change.new:
        hosts = len(deployed(change))
        return _enrolment(hosts, results) if hosts else None
    if change.type == _SYSTEMS and change.new and change.operation != "delete":
        return Duration(None, "not known: how long a host takes to boot another image was not measured")
    return None


def _imports(change: Change) -> bool:
    if change.operation == "create" and change.new.get("adopt"):
        return False
    return change.operation in {"create", "replace"} or "sha256" in change.changed


def _import(change: Change, results: Path, root: Path) -> Duration:
    figures = _figures(results / "image.json")
    way = "ours" if change.new.get("hash") == "none" else "ours-sha512"  # "auto" takes no longer than that
    measured = _median(figures, way)
    if figures is None or measured is None:
        return Duration(None, "not known: bench/results/image.json has no figure for it")
    source = str(change.new.get("source", ""))
    if "://" in source:
        return Duration(None, "not known: its source is on the web, and its size is not asked for here")
    try:
        size = (root / source).stat().st_size
    except OSError:
        return Duration(None, f"not known: its source {source} is not on this machine")
    seconds = measured * size / IMAGE_BENCH_DATA
    return Duration(
        seconds,
        f"{_about(seconds)} or more, for a source of {size / _MIB:.0f} MiB; what is compressed unpacks to more",
        f"bench/results/image.json, {way}: {measured:.1f} s for 1 GiB of data ({figures.get('machine', 'a machine')})",
    )


def _enrolment(hosts: int, results: Path) -> Duration:
    figures = _figures(results / "hosts.json")
    points = sorted(
        (int(name.removeprefix("ours-")), seconds)
        for name in (figures or {}).get("ways", {})
        if name.removeprefix("ours-").isdigit() and (seconds := _median(figures, name)) is not None
    )
    if figures is None or not points:
        return Duration(None, "not known: bench/results/hosts.json has no figure for it")
    seconds = _between(points, hosts)
    steps = ", ".join(figures.get("steps", ()))
    return Duration(
        seconds,
        f"{_about(seconds)} for {hosts} host{'s' if hosts > 1 else ''}, installed and reachable already",
        f"bench/results/hosts.json: {', '.join(f'{n} in {s:.0f} s' for n, s in points)}, simulated, for {steps} "
        f"({figures.get('machine', 'a machine')})",
    )


def _between(points: list[tuple[int, float]], wanted: int) -> float:
    """The value at WANTED on the line through its neighbours; beyond the last, on the last line drawn on."""
    if len(points) == 1:
        return points[0][1]
    above = next((index for index, (number, _) in enumerate(points) if number >= wanted), len(points) - 1)
    (x0, y0), (x1, y1) = points[max(above, 1) - 1], points[max(above, 1)]
    return y0 + (y1 - y0) * (wanted - x0) / (x1 - x0)


def _figures(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _median(figures: Mapping[str, Any] | None, way: str) -> float | None:
    found = ((figures or {}).get("ways") or {}).get(way) or {}
    value = found.get("median_s")
    return float(value) if isinstance(value, int | float) else None


def _about(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"about {max(round(seconds), 1)} s"
    return f"about {round(seconds / _MINUTE_S, 1):g} min"
