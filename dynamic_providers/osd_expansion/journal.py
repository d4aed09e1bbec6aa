"""What an expansion has set in the cluster, and what was there before; kept in the cluster, so that a kill loses nothing."""

from pydantic import BaseModel, Field

from dynamic_providers.osd_expansion.cluster import BALANCER, Cluster
from dynamic_providers.osd_expansion.placement import Pairs, Pins
from dynamic_providers.osd_expansion.upmap import effective, joined

KEY = "journal"


class Changed(BaseModel):
    """An option that was changed.

    Attributes:
        found: what the monitors' configuration had; None for nothing.
        ours: each value that was set since.
    """

    found: str | None
    ours: list[str] = Field(default_factory=list)


class Entries(BaseModel):
    """What the journal has.

    Attributes:
        options: by SECTION/NAME; restored when a run ends.
        affinity: of OSDs that fill, as it was found; restored when they are full.
        purged: the UUIDs of OSDs that were removed, by number: another OSD may get that number.
        pins: the pairs of ``pg-upmap-items`` by which placement groups stay where they are until their turn comes.
        seconds_per_group: measured, for estimates.
    """

    options: dict[str, Changed] = Field(default_factory=dict)
    affinity: dict[int, float] = Field(default_factory=dict)
    purged: dict[int, str] = Field(default_factory=dict)
    pins: dict[str, Pairs] = Field(default_factory=dict)
    seconds_per_group: float | None = None


class Journal:
    """The journal of a cluster; each entry is stored before what it tells of is done."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.entries = read(cluster)
        self._last: dict[str, str] = {}

    def save(self) -> None:
        """Store it."""
        self.cluster.store(KEY, self.entries.model_dump_json())

    def set_option(self, option: str, value: str) -> bool:
        """Set an option, so that `restore` finds what was there; not one that is no longer as it was set here."""
        now = self.cluster.option(option)
        change = self.entries.options.setdefault(option, Changed(found=now))
        if now != self._last.get(option, change.found):
            return False
        if value not in change.ours:
            change.ours.append(value)
            self.save()
        self.cluster.set_option(option, value)
        self._last[option] = value
        return True

    def restore(self, *, give_up: bool = False) -> None:
        """Put all options back; one that somebody has changed since stays.

        The balancer stays off while pins are left, or it would take them away; not if they are given up.
        """
        kept = {BALANCER} if self.entries.pins and not give_up else set()
        for option in self.entries.options.keys() - kept:
            if self.cluster.option(option) in self.entries.options[option].ours:
                self.cluster.set_option(option, self.entries.options[option].found)
        if self.entries.options.keys() - kept:
            self.entries.options = {
                option: change for option, change in self.entries.options.items() if option in kept
            }
            self.save()

    def add_pins(self, pins: Pins) -> None:
        """These are about to be set."""
        for group, pairs in pins.items():
            self.entries.pins[group] = joined(self.entries.pins.get(group, ()), pairs)
        self.save()

    def check_pins(self) -> Pins:
        """Those of these pins that are still there; the others are forgotten."""
        self.entries.pins = dict(effective(self.cluster.upmaps(), self.entries.pins))
        self.save()
        return self.entries.pins

    def take_affinity(self, osd: int, found: float) -> None:
        """Have OSD be no primary until it is full."""
        if osd not in self.entries.affinity:
            self.entries.affinity[osd] = found
            self.save()
        self.cluster.set_affinity(osd, 0)

    def forget_affinity(self, osd: int) -> None:
        """It is as it was."""
        if self.entries.affinity.pop(osd, None) is not None:
            self.save()


def read(cluster: Cluster) -> Entries:
    """The entries of CLUSTER; of the pins those that are still there."""
    entries = Entries.model_validate(cluster.key(KEY) or {})
    if entries.pins:
        entries.pins = dict(effective(cluster.upmaps(), entries.pins))
    return entries
