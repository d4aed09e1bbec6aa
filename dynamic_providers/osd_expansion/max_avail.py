"""MAX AVAIL, which tells clients how much they can still store: an OSD that fills must not take any of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from dynamic_providers.osd_expansion.plan import GIB

_NOISE = 0.05  # of what was there: OSDs' own data, and reports that are seconds old


@dataclass(frozen=True)
class Room:
    """What ``ceph df`` says.

    Attributes:
        max_avail: in bytes, by pool.
        used: bytes of all OSDs together.
    """

    max_avail: Mapping[str, int]
    used: int

    def lost_since(self, former: "Room") -> list[str]:
        """The pools that lack room they had, beyond what was stored meanwhile."""
        stored = max(0, self.used - former.used)
        return [
            f"MAX AVAIL of pool {name} fell from {had / GIB:.2f} to {self.max_avail[name] / GIB:.2f} GiB"
            for name, had in former.max_avail.items()
            if name in self.max_avail and had - self.max_avail[name] > _NOISE * had + stored
        ]
