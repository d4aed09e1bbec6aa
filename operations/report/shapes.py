"""The shapes of the drawing. Text is escaped and kept in its box; colours are the page's, for the light and the dark.

A class is told by its word too, never by colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operations.report.mark import Mark

HEAD, LINE = 30, 20
_NAME, _ROW, _SMALL, _MONO = 8.6, 7.3, 6.6, 7.4  # units that a letter takes, nearly always
_LETTERS = {"name": _NAME, "small": _SMALL, "tag": _SMALL, "badge": 7.0, "mono": _MONO}
_PADDING = 10


@dataclass(frozen=True)
class Box:
    """A box with a title and rows below it."""

    x: float
    wide: float
    y: float
    high: float
    mark: Mark | None

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.wide

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.high

    @property
    def title_y(self) -> float:
        """Where the title stands."""
        return self.y + 20

    def row_y(self, number: int) -> float:
        """Where row NUMBER stands."""
        return self.y + HEAD + 14 + LINE * number

    def draw(self, kind: str) -> str:
        """The frame."""
        return (
            f'<rect class="box {kind} {class_of(self.mark)}" x="{self.x:g}" y="{self.y:g}" width="{self.wide:g}" '
            f'height="{self.high:g}" rx="8"/>'
        )

    def title(self, name: str, badge: str = "") -> str:
        """NAME, a BADGE behind it, and what happens on the upper edge."""
        kept = max(self.wide - 3 * _PADDING - _width(badge, "badge"), 8 * _NAME)
        letters = int(kept / _NAME)
        parts = [text(name, self.x + _PADDING, self.title_y, letters, "name")]
        if badge:
            left = self.x + 2 * _PADDING + min(len(name), letters) * _NAME
            fitting = max(int((self.right - _PADDING - left) / _LETTERS["badge"]), 6)
            parts.append(text(badge, left, self.title_y, fitting, "badge"))
        return "".join(parts) + pill(self.mark, self.right - 10, self.y)

    def row(self, number: int, words: str, mark: Mark | None, kind: str = "") -> str:
        """WORDS in row NUMBER, and what happens to them at the right, if not the same as to the box."""
        y = self.row_y(number)
        told = None if mark == self.mark else mark
        return text(words, self.x + 14, y, row_room(self.wide, told), kind or class_of(mark)) + tag(
            told, self.right - 8, y
        )


def row_room(wide: float, mark: Mark | None) -> int:
    """How many letters a row of a box of WIDE has beside what happens to it."""
    return int((wide - 24 - _width(word(mark), "tag")) / _ROW)


def svg(width: float, height: float, inside: str) -> str:
    """The whole drawing."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="map-title map-desc">'
        '<title id="map-title">The cloud that this stack declares</title>'
        '<desc id="map-desc">Domains with their projects on the left, networks with VLANs and subnets in the middle, '
        "hosts with their bonded links on the right; below, images with their generations, who has which role where, "
        "and Ceph's users with their pools. What changes bears the word of its class; the tables of this page say "
        "the same in text.</desc>"
        f"{inside}</svg>"
    )


def text(words: str, x: float, y: float, room: int, kind: str) -> str:
    """WORDS in one line of at most ROOM letters; the whole is told where it does not fit."""
    whole = " ".join(words.split())
    short = whole if len(whole) <= room else f"{whole[: max(room - 1, 1)]}…"
    told = f"<title>{escape(whole)}</title>" if short != whole else ""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(short)}{told}</text>'


def head(words: str, x: float, y: float) -> str:
    """What a column or a row of boxes is about."""
    return f'<text class="column" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def word(mark: Mark | None) -> str:
    """What happens, and its class."""
    return f"{mark.operation}: {mark.risk.value}" if mark else ""


def tag(mark: Mark | None, right: float, y: float) -> str:
    """The same as a shape that ends at RIGHT."""
    if mark is None:
        return ""
    kind = f"tag {mark.risk.word}"
    return f'<text class="{kind}" x="{right:g}" y="{y:g}" text-anchor="end">{escape(word(mark))}</text>'


def pill(mark: Mark | None, right: float, y: float) -> str:
    """The same on an edge at Y."""
    if mark is None:
        return ""
    wide = _width(word(mark), "tag") + 14
    return (
        f'<rect class="pill {mark.risk.word}" x="{right - wide:g}" y="{y - 8:g}" width="{wide:g}" height="16" rx="8"/>'
        f'<text class="on-pill" x="{right - wide / 2:g}" y="{y + 4:g}" text-anchor="middle">{escape(word(mark))}</text>'
    )


def group(label: str, parts: Iterable[str], mark: Mark | None) -> str:
    """PARTS of one thing, which LABEL names."""
    told = f"{label}: {word(mark)}" if mark else label
    return f"<g><title>{escape(' '.join(told.split()))}</title>{''.join(parts)}</g>"


def bond(box: Box, links: Sequence[str], mode: str) -> str:
    """The bond of a host, its LINKS, and the two switches they lead to."""
    left, switch = box.x + 14, box.right - 76
    parts = [
        f'<rect class="bond" x="{left:g}" y="{box.y + 58:g}" width="52" height="36" rx="6"/>',
        text("bond", left + 13, box.y + 80, 8, "small"),
    ]
    for number, link in enumerate(links[:2]):
        y = box.y + 66 + 20 * number
        parts.append(
            f'<line class="cable" x1="{left + 52:g}" y1="{y:g}" x2="{switch:g}" y2="{y:g}"/>'
            f'<rect class="switch" x="{switch:g}" y="{y - 8:g}" width="62" height="16" rx="4"/>'
        )
        parts.append(text(f"switch {'AB'[number]}", switch + 8, y + 4, 12, "small"))
        parts.append(text(f"{link} {'' if number else mode}".strip(), left + 62, y - 3, 22, "small"))
    return "".join(parts)


def generation(left: float, top: float, wide: float, told: tuple[str, str]) -> str:
    """One content of an image: its id, and what it is."""
    kind = "generation now" if told[1].startswith("now") else "generation"
    return (
        f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{wide:g}" height="42" rx="6"/>'
        + text(told[0], left + 10, top + 18, int((wide - 20) / _MONO), "mono")
        + text(told[1], left + 10, top + 34, int((wide - 20) / 6), "small")
    )


def wire(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A line from START to END."""
    middle = (start[0] + end[0]) / 2
    return (
        f'<path class="wire" d="M{start[0]:g} {start[1]:g} C{middle:g} {start[1]:g} {middle:g} {end[1]:g} '
        f'{end[0]:g} {end[1]:g}"/>'
    )


def arrow(x: float, y: float) -> str:
    """From one generation to the next."""
    return f'<path class="arrow" d="M{x:g} {y:g} h18 m-6 -5 l6 5 l-6 5"/>'


def dot(x: float, y: float, told: str) -> str:
    """A mark at the edge of a box."""
    return f'<circle class="for-all" cx="{x:g}" cy="{y:g}" r="5"><title>{escape(told)}</title></circle>'


def class_of(mark: Mark | None) -> str:
    """The style sheet's word for what happens."""
    return mark.risk.word if mark else ""


def _width(words: str, kind: str) -> float:
    return len(words) * _LETTERS[kind]
