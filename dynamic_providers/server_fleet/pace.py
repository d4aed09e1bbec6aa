"""How many servers are in flight, and how long each may take: learned from this run."""

from dataclasses import dataclass, field
from statistics import median

POLL_S = 2.0
LIST_S = 10.0
"""How old Nova's list may be at most while servers are on their way."""
_FLOOR_S = 60.0
_TIMES_THE_SLOWEST = 6  # in a later wave more of them share the hosts
_ENOUGH = 5  # a canary alone is quick
_FEWEST_AT_FIRST = 10  # what one host builds at once: nova.conf's max_concurrent_builds
_SLOWER = 2.0


@dataclass
class Pace:
    """Halves when Nova asks for fewer requests or gets slower, and grows by one with each server that is well.

    Attributes:
        limit: how many servers may be in flight now.
        patience_s: the longest that a server may take for each of its steps.
        times: what those took that are well, in seconds.
        nova_times: what Nova took for each, until it was ACTIVE, in seconds.
    """

    limit: int
    patience_s: float
    times: list[float] = field(default_factory=list)
    nova_times: list[float] = field(default_factory=list)

    @classmethod
    def at_first(cls, max_unavailable: int, within_s: float) -> "Pace":
        """The pace of a run that begins."""
        return cls(max(max_unavailable, _FEWEST_AT_FIRST), within_s)

    def slow_down(self) -> None:
        """Nova is busy."""
        self.limit = max(1, self.limit // 2)

    def went_well(self, seconds: float) -> None:
        """A server was well after so long."""
        rising = len(self.times) > 1 and seconds > _SLOWER * max(self.times)
        self.times.append(seconds)
        if rising:
            self.slow_down()
        else:
            self.limit += 1

    @property
    def longest_s(self) -> float:
        """How long a server may take now: from the slowest one so far, within floor and ceiling."""
        if len(self.times) < _ENOUGH:
            return self.patience_s
        return min(self.patience_s, max(_FLOOR_S, _TIMES_THE_SLOWEST * max(self.times)))

    @property
    def list_s(self) -> float:
        """How old Nova's list may be while Nova makes servers: half of what it takes for one, within floor and ceiling."""
        return min(LIST_S, max(POLL_S, median(self.nova_times or [0]) / 2))
