"""What moves when OSDs get other CRUSH weights: placement groups, bytes, the fullest OSD, and the next small step."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from statistics import median

from dynamic_providers.osd_expansion.placement import UNIT, Pins, UpSets, released, up_sets

GIB = 1 << 30
SECONDS_PER_GROUP = 8.0
"""Assumed for the estimate, until a run in this cluster has measured it."""
SECONDS_BESIDE = 30
"""Of a run in which nothing moves: the quiet latency is measured, and OSDs become primary again."""


@dataclass(frozen=True)
class Osd:
    """An OSD as the cluster has it.

    Attributes:
        weight: in CRUSH, in `UNIT`.
        capacity: in bytes.
        used: in bytes.
    """

    weight: int
    capacity: int
    used: int = 0


@dataclass(frozen=True)
class Snapshot:
    """The cluster at one moment.

    Attributes:
        osdmap: as Ceph encodes it.
        osds: by number.
        bytes_of: of one copy of each placement group.
        copies: that each pool shall have, by its number.
        nearfull: the share at which Ceph calls an OSD nearly full.
        upmaps: the pairs of ``pg-upmap-items``, by placement group.
        min_client: the oldest release whose clients may connect.
        clients: the releases, by features, whose clients are connected.
        erasure_coded: the pools that are, by number.
    """

    osdmap: bytes
    osds: Mapping[int, Osd]
    bytes_of: Mapping[str, int]
    copies: Mapping[int, int]
    nearfull: float = 0.85
    upmaps: Pins = field(default_factory=dict)
    min_client: str = "luminous"
    clients: Collection[str] = ()
    erasure_coded: Collection[int] = ()

    @cached_property
    def up(self) -> UpSets:
        """Where each placement group belongs now."""
        return up_sets(self.osdmap, {})

    def with_weights(self, weights: Mapping[int, int]) -> UpSets:
        """Where each would belong with these weights."""
        return up_sets(self.osdmap, weights)

    def full_weight(self, osd: int, filled: Collection[int]) -> int:
        """The CRUSH weight by the size of OSD, as the others have it, but those of FILLED, which are on their way."""
        others = [
            each.weight / each.capacity
            for number, each in self.osds.items()
            if each.weight and each.capacity and number not in filled
        ]
        per_byte = median(others) if others else UNIT / (1 << 40)  # Ceph's own: TiB
        return max(1, round(self.osds[osd].capacity * per_byte))


@dataclass(frozen=True)
class Move:
    """A placement group whose data is copied."""

    group: str
    sources: frozenset[int]
    targets: frozenset[int]
    bytes: int


@dataclass(frozen=True)
class Plan:
    """What other weights mean.

    Attributes:
        moves: the placement groups that move.
        after: where each placement group belongs then.
        ideal_bytes: the share of the data that belongs to the changed OSDs by their weights.
        fullest_before: the largest used share of an OSD, and the OSD.
        fullest_after: the same, then.
        short: the placement groups for which CRUSH does not find as many OSDs as their pool wants copies.
    """

    moves: tuple[Move, ...]
    after: UpSets
    ideal_bytes: int
    fullest_before: tuple[float, int]
    fullest_after: tuple[float, int]
    short: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """How much is copied."""
        return sum(move.bytes for move in self.moves)

    def seconds(self, seconds_per_group: float | None) -> float:
        """How long it takes, by what earlier runs took."""
        return SECONDS_BESIDE + len(self.moves) * (seconds_per_group or SECONDS_PER_GROUP)

    def sentence(self, seconds_per_group: float | None = None) -> str:
        """What a preview prints."""
        (before, osd_before), (after, osd_after) = self.fullest_before, self.fullest_after
        return (
            f"{len(self.moves)} of {len(self.after)} PGs move, {self.bytes / GIB:.2f} GiB (its share: "
            f"{self.ideal_bytes / GIB:.2f} GiB), in about {max(1, round(self.seconds(seconds_per_group) / 60))} min; the fullest OSD "
            f"is osd.{osd_before} with {before:.0%} now, osd.{osd_after} with {after:.0%} then"
        )

    def refusals(self, nearfull: float) -> list[str]:
        """Why this must not be done."""
        found = []
        if self.short:
            found.append(
                f"CRUSH would find too few OSDs for {len(self.short)} PGs, such as {self.short[0]}: add OSDs or hosts first"
            )
        share, osd = self.fullest_after
        if share >= nearfull and share > self.fullest_before[0]:
            found.append(
                f"osd.{osd} would be {share:.0%} full, and Ceph calls {nearfull:.0%} nearly full: add OSDs first"
            )
        return found


def plan(snapshot: Snapshot, weights: Mapping[int, int], pins: Pins | None = None) -> Plan:
    """What happens when OSDs get these CRUSH WEIGHTS, and PINS are taken away."""
    after = released(snapshot.with_weights(weights), pins or {})
    moves = moves_between(snapshot.up, after, snapshot.bytes_of)
    gained = dict.fromkeys(snapshot.osds, 0)
    for move in moves:
        each = snapshot.bytes_of.get(move.group, 0)
        for osd in move.targets:
            gained[osd] = gained.get(osd, 0) + each
        for osd in move.sources:
            gained[osd] = gained.get(osd, 0) - each
    return Plan(
        moves,
        after,
        _ideal(snapshot, weights),
        _fullest(snapshot, lambda _: 0),
        _fullest(snapshot, lambda osd: gained[osd]),
        tuple(
            group
            for group, osds in after.items()
            if len(osds) < min(snapshot.copies.get(int(group.split(".")[0]), 0), len(snapshot.up[group]))
        ),
    )


def moves_between(before: UpSets, after: UpSets, bytes_of: Mapping[str, int]) -> tuple[Move, ...]:
    """The placement groups that get other OSDs."""
    return tuple(
        Move(
            group,
            before[group] - osds,
            osds - before[group],
            bytes_of.get(group, 0) * len(osds - before[group]),
        )
        for group, osds in after.items()
        if osds != before.get(group, osds)
    )


def next_weight(snapshot: Snapshot, osd: int, target: int, most: int) -> int:
    """The weight nearest to TARGET with which at most MOST placement groups move; where that is none, the next with one."""
    start = snapshot.osds[osd].weight

    @cache  # each costs three runs of Ceph's tools
    def moved(weight: int) -> int:
        return len(moves_between(snapshot.up, snapshot.with_weights({osd: weight}), {}))

    if moved(target) <= most:
        return target
    direction = 1 if target > start else -1
    fits, exceeds = 0, abs(target - start)
    while exceeds - fits > 1:
        middle = (fits + exceeds) // 2
        if moved(start + direction * middle) <= most:
            fits = middle
        else:
            exceeds = middle
    return start + direction * (fits if fits and moved(start + direction * fits) else exceeds)


def _ideal(snapshot: Snapshot, weights: Mapping[int, int]) -> int:
    stored = sum(snapshot.bytes_of.get(group, 0) * len(osds) for group, osds in snapshot.up.items())
    former = {number: osd.weight for number, osd in snapshot.osds.items()}
    new = {**former, **weights}
    whole_before, whole_after = sum(former.values()) or 1, sum(new.values()) or 1
    return round(stored * sum(abs(new[osd] / whole_after - former[osd] / whole_before) for osd in weights))


def _fullest(snapshot: Snapshot, gained: Callable[[int], int]) -> tuple[float, int]:
    return max(
        ((osd.used + gained(number)) / osd.capacity, number)
        for number, osd in snapshot.osds.items()
        if osd.capacity
    )
