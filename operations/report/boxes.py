"""What the page shows of the cloud: boxes with rows, each with what happens to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from operations.report.risk import Risk


@dataclass(frozen=True)
class Mark:
    """An operation, and its class."""

    risk: Risk
    operation: str


@dataclass(frozen=True)
class Row:
    """A line of a box."""

    text: str
    mark: Mark | None = None

    @property
    def changes(self) -> bool:
        """Whether something happens to it."""
        return self.mark is not None


@dataclass(frozen=True)
class Box:
    """A thing, or a place, and what belongs to it; the mark is of the whole."""

    title: str
    note: str = ""
    rows: tuple[Row, ...] = ()
    mark: Mark | None = None

    @property
    def changes(self) -> bool:
        """Whether something happens to it or in it."""
        return self.mark is not None or any(row.changes for row in self.rows)


def worse(*marks: Mark | None) -> Mark | None:
    """The first of the worst; None where there is none."""
    return max((mark for mark in marks if mark), key=lambda mark: mark.risk.rank, default=None)


def changed_first(things: Sequence[Row | Box], most: int) -> Sequence[Row | Box]:
    """THINGS in their order; of more than MOST, those first to which something happens."""
    return things if len(things) <= most else sorted(things, key=lambda thing: not thing.changes)
