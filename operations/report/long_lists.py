"""Lists that are too long for the drawing: what changes comes first, and how much is left out is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operations.report.mark import Mark


class Marked(Protocol):
    """Something to which something may happen."""

    @property
    def mark(self) -> Mark | None:
        """What."""


Thing = TypeVar("Thing", bound=Marked)


def changed_first(things: Sequence[Thing], most: int) -> Sequence[Thing]:
    """THINGS in their order; of more than MOST, those first to which something happens."""
    return things if len(things) <= most else sorted(things, key=lambda thing: thing.mark is None)


def cut(things: Sequence[Thing], most: int) -> tuple[Sequence[Thing], str]:
    """At most MOST lines for THINGS, the last of which says how many more there are; "" where all fit."""
    if len(things) <= most:
        return things, ""
    ordered = changed_first(things, most)
    kept, left = ordered[: most - 1], ordered[most - 1 :]
    changing = sum(1 for thing in left if thing.mark)
    return kept, more(len(left)) + (f", {changing} of which change" if changing else "")


def more(number: int) -> str:
    """Such as: and 12 more."""
    return f"and {number} more"


def listed(words: Sequence[str], room: int) -> str:
    """WORDS with commas, as many of them as fit into ROOM letters, and how many more there are."""
    for number in range(len(words), 1, -1):
        told = ", ".join(words[:number])
        if number < len(words):
            told += f" {more(len(words) - number)}"
        if len(told) <= room:
            return told
    return " ".join([*words[:1], *([more(len(words) - 1)] if len(words) > 1 else [])])
