"""What a run costs at the start, and with each further resource."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Line:
    """Seconds = ``start_s`` + resources x ``each_s``, by least squares."""

    start_s: float
    each_s: float

    @classmethod
    def through(cls, seconds: Mapping[int, float]) -> Line:
        """Fit what was measured, by number of resources; two numbers at least."""
        found = statistics.linear_regression(list(seconds), list(seconds.values()))
        return cls(found.intercept, found.slope)


def each_between(seconds: Mapping[int, float]) -> dict[str, float]:
    """Return what each resource costs from one size to the next, by "10-100": the same where the cost is flat."""
    return {
        f"{less}-{more}": (seconds[more] - seconds[less]) / (more - less)
        for less, more in itertools.pairwise(sorted(seconds))
    }
