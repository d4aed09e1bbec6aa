"""The runs as figures: a table for a person, and what goes into the file of results."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.engine.fit import Line, each_between
from bench.engine.run import requests_by_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.engine.run import Run

PHASES = ("preview", "up", "empty preview", "refresh", "destroy")
LIMITS = {
    "ours/terraform, up of 100": 1.1,
    "ours/terraform, each further resource of an empty preview": 1.5,
}


@dataclass(frozen=True)
class Figures:
    """All runs, asked by way, size and phase."""

    runs: Sequence[Run]

    @property
    def ways(self) -> list[str]:
        """In the order in which they are shown."""
        return sorted({run.way for run in self.runs}, key=lambda way: (not way.startswith("ours"), way))

    def sizes(self, way: str, phase: str) -> list[int]:
        """Those that were measured."""
        return sorted({run.size for run in self.runs if (run.way, run.phase) == (way, phase)})

    def of(self, way: str, size: int, phase: str) -> list[Run]:
        """The rounds of one."""
        return [run for run in self.runs if (run.way, run.size, run.phase) == (way, size, phase)]

    def medians(self, way: str, phase: str, *, cpu: bool = False) -> dict[int, float]:
        """Seconds by size, or seconds of processor time."""
        return {
            size: statistics.median(run.cpu_s if cpu else run.seconds for run in self.of(way, size, phase))
            for size in self.sizes(way, phase)
        }

    def line(self, way: str, phase: str, *, cpu: bool = False) -> Line | None:
        """The fit, where there are two sizes."""
        seconds = self.medians(way, phase, cpu=cpu)
        return Line.through(seconds) if len(seconds) > 1 else None

    def ratios(self) -> dict[str, float]:
        """The figures that have targets, where measured."""
        found: dict[str, float] = {}
        for other in ("terraform", "ansible"):
            for phase in PHASES:
                mine, theirs = self.medians("ours", phase), self.medians(other, phase)
                for size in sorted(mine.keys() & theirs.keys()):
                    found[f"ours/{other}, {phase} of {size}"] = mine[size] / theirs[size]
                    if others_requests := self.requests(other, size, phase):
                        ratio = self.requests("ours", size, phase) / others_requests
                        found[f"ours/{other}, requests of {phase} of {size}"] = ratio
        for cpu, what in ((False, ""), (True, "processor time of ")):
            ours = self.line("ours", "empty preview", cpu=cpu)
            terraform = self.line("terraform", "empty preview", cpu=cpu)
            if ours and terraform:
                ratio = ours.each_s / terraform.each_s
                found[f"ours/terraform, {what}each further resource of an empty preview"] = ratio
        return found

    def requests(self, way: str, size: int, phase: str) -> float:
        """The median of the rounds."""
        return statistics.median(run.total for run in self.of(way, size, phase))


def report(figures: Figures) -> dict[str, Any]:
    """Return the file of results, as every bench writes it."""
    ways: dict[str, Any] = {}
    for run in figures.runs:
        rounds = figures.of(run.way, run.size, run.phase)
        seconds = [one.seconds for one in rounds]
        ways[f"{run.way}, {run.phase} of {run.size}"] = {
            "median_s": statistics.median(seconds),
            "min_s": min(seconds),
            "max_s": max(seconds),
            "median_cpu_s": statistics.median(one.cpu_s for one in rounds),
            "rounds": len(rounds),
            "requests": figures.requests(run.way, run.size, run.phase),
            "load": statistics.median(one.load for one in rounds),
        }
    lines = {}
    for way in figures.ways:
        for phase in PHASES:
            line, cpu = figures.line(way, phase), figures.line(way, phase, cpu=True)
            if line and cpu:
                each = each_between(figures.medians(way, phase))
                lines[f"{way}, {phase}"] = {
                    "start_s": line.start_s,
                    "each_s": line.each_s,
                    "each_s_between": each,
                    "start_cpu_s": cpu.start_s,
                    "each_cpu_s": cpu.each_s,
                }
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "rounds": max(way["rounds"] for way in ways.values()),
        "ways": dict(sorted(ways.items(), key=_in_order)),
        "lines": lines,
        "ratios": figures.ratios(),
        "requests": {
            f"{way}, {phase} of {max(figures.sizes(way, phase))}": _requests(
                figures.of(way, max(figures.sizes(way, phase)), phase)[:1]
            )
            for way in figures.ways
            for phase in PHASES
            if figures.sizes(way, phase)
        },
    }


def _in_order(item: tuple[str, Any]) -> tuple[str, int, int]:
    way, what = item[0].split(", ")
    phase, size = what.split(" of ")
    return way, PHASES.index(phase), int(size)


def _requests(runs: Iterable[Run]) -> dict[str, int]:
    return dict(sorted(requests_by_kind(runs).items(), key=lambda item: (-item[1], item[0])))


def table(figures: Figures) -> str:
    """Return the figures for a person: seconds and requests, and the fitted line."""
    sizes = sorted({run.size for run in figures.runs})
    heads = "".join(f"{size:>18}" for size in sizes)
    lines = [f"{'':30}{heads}{'start':>10} {'each':>9} {'each, CPU':>12}"]
    for phase in PHASES:
        for way in figures.ways:
            medians = figures.medians(way, phase)
            if not medians:
                continue
            cells = ""
            for size in sizes:
                if size in medians:
                    cells += f"{medians[size]:8.1f} s {figures.requests(way, size, phase):6.0f} r"
                else:
                    cells += " " * 18
            line, cpu = figures.line(way, phase), figures.line(way, phase, cpu=True)
            fitted = (
                f"{line.start_s:8.1f} s {line.each_s * 1000:6.1f} ms {cpu.each_s * 1000:9.1f} ms"
                if line and cpu
                else ""
            )
            lines.append(f"{phase + ', ' + way:30}{cells}{fitted}")
    lines.append("")
    for name, ratio in figures.ratios().items():
        limit = f" (at most {LIMITS[name]})" if name in LIMITS else ""
        lines.append(f"{name:66} {ratio:6.2f}{limit}")
    return "\n".join(lines)
