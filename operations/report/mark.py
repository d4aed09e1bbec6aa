"""What happens to a part of the drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operations.report.risk import Risk


@dataclass(frozen=True)
class Mark:
    """An operation, and its class."""

    risk: Risk
    operation: str


def worse(*marks: Mark | None) -> Mark | None:
    """The first of the worst; None where there is none."""
    return max((mark for mark in marks if mark), key=lambda mark: mark.risk.rank, default=None)
