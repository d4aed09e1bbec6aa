"""The figures of all runs, by what was alike in them, and the ratios that tell how good a way is."""

from __future__ import annotations

import os
import platform
import statistics
from collections import Counter, defaultdict
from dataclasses import fields
from typing import Any

from bench.expansion.measure import PEERING, Run, Setting

KEYS = (
    *("seconds", "quiet_p99_ms", "p50_ms", "p99_ms", "worst_ms", "samples", "stalled"),
    *("moves", "planned_to_ideal", "copied_to_ideal", "load_average"),
)


def setting_of(run: Run) -> Setting:
    """In which RUN was made."""
    return Setting(**{field.name: run[field.name] for field in fields(Setting)})


def report(runs: list[Run]) -> dict[str, Any]:
    """The medians, as every bench writes them."""
    by_setting: dict[Setting, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        by_setting[setting_of(run)][run["way"]].append(run)
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "settings": {str(setting): _of_setting(by_way) for setting, by_way in by_setting.items()},
    }


def _of_setting(by_way: dict[str, list[Run]]) -> dict[str, Any]:
    ways = {way: _of_way(runs) for way, runs in by_way.items()}
    ratios = {f"{way}: p99/quiet": one["p99_ms"] / one["quiet_p99_ms"] for way, one in ways.items()}
    for way, one in ways.items():
        if one["planned_seconds"]:
            ratios[f"{way}: seconds/planned"] = one["seconds"] / one["planned_seconds"]
        for other in ("full", "cern"):
            if other in ways and way.startswith("ours"):
                ratios |= {
                    f"{way}/{other}: {key}": one[key] / ways[other][key] for key in ("worst_ms", "seconds")
                }
    return {"rounds": {way: len(runs) for way, runs in by_way.items()}, "ways": ways, "ratios": ratios}


def _of_way(runs: list[Run]) -> dict[str, Any]:
    planned = [run["planned_seconds"] for run in runs if run["planned_seconds"]]
    waited: Counter[str] = Counter()
    for run in runs:
        waited.update(run["waited_ms"])
    return {key: statistics.median(run[key] for run in runs) for key in KEYS} | {
        "worst_of_all_ms": max(run["worst_ms"] for run in runs),
        "planned_seconds": planned[-1] if planned else None,
        "not_as_planned": max(len(run["not_as_planned"]) for run in runs),
        "peering_s": {
            state: round(statistics.median(run["peering_s"][state] for run in runs), 2) for state in PEERING
        },
        "waited_ms_a_run": {what: round(ms / len(runs), 1) for what, ms in waited.most_common()},
    }
