"""Latency over time as SVG, a picture for each way: worst and median of each second, and what was changed when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.expansion.measure import Run

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 860, 320, 72, 56, 40
DECADES = (1.0, 10.0, 100.0, 1000.0, 10000.0)  # ms
COLOURS = {"weight": "#0072b2", "upmaps": "#009e73", "affinity": "#e69f00"}
WORST, P50 = "#7b2d6b", "#c9a0c0"


def draw(runs: list[Run], folder: Path) -> None:
    """Draw of each way the run whose worst latency is the median."""
    folder.mkdir(parents=True, exist_ok=True)
    for way in sorted({run["way"] for run in runs}):
        own = sorted((run for run in runs if run["way"] == way), key=lambda run: run["worst_ms"])
        text = "\n".join(_picture(own[len(own) // 2]))
        (folder / f"expansion-{way}.svg").write_text(text + "\n", encoding="utf-8")


def _picture(run: Run) -> Iterator[str]:
    seconds: float = max(10.0, run["seconds"])

    def x(second: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 12) * min(second, seconds) / seconds, 1)

    def y(ms: float) -> float:
        share: float = math.log10(max(DECADES[0], min(ms, DECADES[-1]))) / math.log10(DECADES[-1])
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share, 1)

    def line(points: list[tuple[float, float]], colour: str, width: float) -> str:
        path = " ".join(f"{x(at)},{y(ms)}" for at, ms in points)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    def label(at: tuple[float, float], text: str, colour: str = "#333", anchor: str = "start") -> str:
        return f'<text x="{at[0]}" y="{at[1]}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'

    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
    )
    title = (
        f"{run['way']}: p99 {run['p99_ms']:.0f} ms, worst {run['worst_ms']:.0f} ms, {run['seconds']:.0f} s"
    )
    yield label((LEFT, 20), title)
    for number, (name, colour) in enumerate(
        ({"worst of a second": WORST, "p50 of a second": P50} | COLOURS).items()
    ):
        yield label((LEFT + number * 150, 40), name, colour)
    for ms in DECADES:
        yield f'<path d="M{LEFT} {y(ms)}H{WIDTH - 12}" stroke="#ddd"/>'
        yield label((LEFT - 6, y(ms) + 4), f"{ms:.0f} ms", anchor="end")
    step = next(step for step in (5, 10, 20, 30, 60, 120, 300, 600, 1800) if seconds / step <= 12)  # noqa: PLR2004
    for second in range(0, int(seconds) + 1, step):
        yield label((x(second), HEIGHT - BOTTOM + 18), f"{second} s", anchor="middle")
    for at, _, what in run["marks"]:
        colour = next(colour for word, colour in COLOURS.items() if word in what)
        yield f'<path d="M{x(at)} {TOP}V{HEIGHT - BOTTOM}" stroke="{colour}" opacity="0.6"><title>{escape(what)}</title></path>'
    bound = 2 * run["quiet_p99_ms"]
    yield f'<path d="M{LEFT} {y(bound)}H{WIDTH - 12}" stroke="#333" stroke-dasharray="4 4"/>'
    yield label((LEFT + 4, HEIGHT - BOTTOM - 6), f"dashed: 2 x quiet p99, {bound:.0f} ms")
    yield line([(second, p50) for second, p50, _, _ in run["each_second_ms"]], P50, 1.5)
    yield line([(second, worst) for second, _, _, worst in run["each_second_ms"]], WORST, 1.5)
    yield "</svg>"
