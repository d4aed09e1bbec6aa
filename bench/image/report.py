"""Runs as a table for a person and as what goes into the file of results."""

from __future__ import annotations

import os
import platform
import statistics
from typing import TYPE_CHECKING, Any

from bench.image.sources import GIB, VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.image.measure import Run

REFERENCE = "zlib"  # the source on which the slow ways are measured
HASH_SPEEDS = "hash, GiB/s of a core"
FOUR = "plain: four imports"
BY_HAND = ("zlib", "zstd", "plain", "raw", "bootable")  # every source but the disks of other sizes
Runs = dict[str, dict[str, list["Run"]]]  # by source and way, in the order of the rounds

REACHES = {  # the ratio of medians, at most
    **{(source, "ours", "by hand, compared"): 0.5 for source in BY_HAND},
    **{(source, "ours", "by hand"): 0.8 for source in BY_HAND},
    ("plain", "ours", "tuned qemu-img"): 1.4,
    ("raw", "ours", "tuned qemu-img"): 1.9,
    ("zlib", "ours", "convert script"): 1 / 4,
    ("zlib", "ours", "upload through Glance"): 1 / 10,
    ("zlib", "ours-sha512", "import or hash"): 1.1,
    ("plain", "four at once", "limit"): 1.15,
    **{(source, "ours", "limit, processors"): 1.6 for source in ("zlib", "zstd", "plain", "bootable")},
}


def figures(runs: Sequence[Run]) -> dict[str, float]:
    """How many, the median, least and most."""
    seconds = [run.seconds for run in runs]
    return {
        "rounds": len(runs),
        "median_s": round(statistics.median(seconds), 3),
        "min_s": round(min(seconds), 3),
        "max_s": round(max(seconds), 3),
        "processor_s": round(statistics.median(run.processor for run in runs), 2),
        "load": round(statistics.median(run.load for run in runs), 1),
    }


def key(source: str, way: str) -> str:
    """How a way of a source is named."""
    return f"{source}: {way}"


def report(runs: Runs, alone: Mapping[str, Any]) -> dict[str, Any]:
    """What is written as JSON."""
    ways = {
        key(source, way): figures(found) for source, of in runs.items() for way, found in of.items() if found
    }
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "rounds": max((len(found) for of in runs.values() for found in of.values()), default=0),
        "ways": ways,
        "ratios": {
            key(source, f"ours/{way}"): round(_ratio(of["ours"], found), 2)
            for source, of in runs.items()
            for way, found in of.items()
            if "ours" in of and not way.startswith("ours")
        }
        | _further_ratios(runs, alone),
        "alone": dict(alone),
    }


def _ratio(mine: Sequence[Run], other: Sequence[Run]) -> float:
    return _median(mine) / _median(other)


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def _further_ratios(runs: Runs, alone: Mapping[str, Any]) -> dict[str, float]:
    """Processor seconds; `hash: sha512` over the larger of import and hash; four imports over the limit for their data."""
    found: dict[str, float] = {}
    for source, of in runs.items():
        if "ours" in of and "limit" in of:
            mine, least = (statistics.median(run.processor for run in of[way]) for way in ("ours", "limit"))
            found[key(source, "ours/limit, processors")] = round(mine / least, 2)
    of = runs.get(REFERENCE, {})
    if "ours" in of and "ours-sha512" in of:
        hashing = VIRTUAL / GIB / alone[HASH_SPEEDS]["sha512"]
        ratio = _median(of["ours-sha512"]) / max(_median(of["ours"]), hashing)
        found[key(REFERENCE, "ours-sha512/import or hash")] = round(ratio, 2)
    if four := alone.get(FOUR):
        found[key("plain", "four at once/limit")] = round(four["at_once_s"] / four["limit_s"], 2)
    return found


def table(found: Mapping[str, Any]) -> str:
    """The same for a person, with the targets that are met and those that are not."""
    lines = [f"{'':40} {'median':>9} {'min':>9} {'max':>9} {'processor':>10} {'load':>6}"]
    lines += [
        f"{way:40} {it['median_s']:8.2f}s {it['min_s']:8.2f}s {it['max_s']:8.2f}s {it['processor_s']:9.2f}s {it['load']:6.1f}"
        for way, it in found["ways"].items()
    ]
    for (source, mine, other), most in REACHES.items():
        ratio = found["ratios"].get(key(source, f"{mine}/{other}"))
        if ratio is not None:
            verdict = "met" if ratio <= most else "NOT met"
            lines.append(
                f"{key(source, f'{mine}/{other}')}: {ratio:.2f}, at most {most:.2f} wanted: {verdict}"
            )
    lines += [f"{what}: {_short(value)}" for what, value in found["alone"].items()]
    return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(inner)}" for key, inner in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)
