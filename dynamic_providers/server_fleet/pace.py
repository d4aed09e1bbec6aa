"""How many servers are in flight, and how long each may take: learned from this run."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from math import ceil
from statistics import median

from dynamic_providers.server_fleet.plan import Action

POLL_S = 2.0
LIST_S = 10.0
"""How old Nova's list may be at most while servers are on their way."""
_FLOOR_S = 60.0
_TIMES_THE_SLOWEST = 6  # in a later wave more of them share the hosts
_ENOUGH = 5  # a canary alone is quick
_FEWEST_AT_FIRST = 10  # what one host builds at once: nova.conf's max_concurrent_builds
_SLOWER, _AS_QUICK = 2.0, 1.25  # times the quickest server
_EARLY = 0.7  # of what the last ones took
_LAST = 5


@dataclass
class Pace:
    """Shrinks when Nova asks for fewer requests or its hosts get slower, and grows while they stay as quick.

    Attributes:
        limit: how many servers may be in flight now.
        patience_s: the longest that a server may take for each of its steps.
        times: what those took that are well, in seconds, by what was done with them.
        nova_times: what Nova took for each, until it was ACTIVE, in seconds.
    """

    limit: int
    patience_s: float
    times: defaultdict[Action, list[float]] = field(default_factory=lambda: defaultdict(list))
    nova_times: list[float] = field(default_factory=list)

    @classmethod
    def at_first(cls, max_unavailable: int, within_s: float) -> "Pace":
        """The pace of a run that begins."""
        return cls(max(max_unavailable, _FEWEST_AT_FIRST), within_s)

    def slow_down(self) -> None:
        """Nova is busy."""
        self.limit = max(1, self.limit // 2)

    def went_well(self, action: Action, seconds: float, at_once: int) -> None:
        """A server was well after so long, as one of AT_ONCE in flight.

        Servers that the hosts make at the same time take no longer than one alone. Those that take twice as long wait for
        each other, and are away meanwhile: no more are begun than are made at the same time, or half as many as before.
        """
        self.times[action].append(seconds)
        quickest = min(self.times[action])
        if seconds > _SLOWER * quickest:
            made_at_once = ceil(at_once * quickest / seconds)
            self.limit = min(self.limit, max(1, self.limit // 2, made_at_once))
        elif seconds < _AS_QUICK * quickest:
            self.limit += 1

    def is_early(self, action: Action, seconds: float) -> bool:
        """Whether a server is hardly well after so long, as the last ones were not: it would be looked at in vain."""
        last = self.times[action][-_LAST:]
        return bool(last) and seconds < _EARLY * median(last)

    @property
    def slowest_s(self) -> float:
        """What the slowest server took that is well; 0 if none is."""
        return max(chain.from_iterable(self.times.values()), default=0.0)

    @property
    def longest_s(self) -> float:
        """How long a server may take now: from the slowest one so far, within floor and ceiling."""
        if sum(map(len, self.times.values())) < _ENOUGH:
            return self.patience_s
        return min(self.patience_s, max(_FLOOR_S, _TIMES_THE_SLOWEST * self.slowest_s))

    @property
    def list_s(self) -> float:
        """How old Nova's list may be while Nova makes servers: half of what it takes for one, within floor and ceiling."""
        return min(LIST_S, max(POLL_S, median(self.nova_times or [0]) / 2))
