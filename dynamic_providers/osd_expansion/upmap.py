"""Placement groups (PGs) that stay where they are though CRUSH gives them another OSD: pinned by ``pg-upmap-items``.

Ceph applies the pairs of a PG to what CRUSH gives, in their order. It forgets a pair itself whose first OSD CRUSH no
longer gives, and one whose second OSD is out.
"""

from collections.abc import Iterable

from dynamic_providers.osd_expansion.placement import Pairs, Pins
from dynamic_providers.osd_expansion.plan import Move, Snapshot

_TOO_OLD = frozenset(
    {"", "unknown", "argonaut", "bobtail", "cuttlefish", "dumpling", "emperor", "firefly"}
) | {
    "giant",
    "hammer",
    "infernalis",
    "jewel",
    "kraken",
}


def pinned(moves: Iterable[Move]) -> Pins:
    """What keeps these PGs where they are; several OSDs of one PG are paired in any way, as its copies are alike."""
    return {
        move.group: tuple(zip(sorted(move.targets), sorted(move.sources), strict=False)) for move in moves
    }


def effective(upmaps: Pins, ours: Pins) -> Pins:
    """Of OURS, what is still there."""
    left = {
        group: tuple(pair for pair in pairs if pair in upmaps.get(group, ())) for group, pairs in ours.items()
    }
    return {group: pairs for group, pairs in left.items() if pairs}


def joined(former: Pairs, more: Pairs) -> Pairs:
    """FORMER and what MORE has beside them."""
    return former + tuple(pair for pair in more if pair not in former)


def refusals(snapshot: Snapshot, moves: Iterable[Move]) -> list[str]:
    """Why these PGs cannot be pinned."""
    found = []
    if snapshot.min_client in _TOO_OLD:
        found.append(
            f"strategy upmap needs clients of luminous or later, and require_min_compat_client is "
            f"{snapshot.min_client or 'not set'}: run `ceph osd set-require-min-compat-client luminous`, or use strategy steps"
        )
    if old := sorted(_TOO_OLD & set(snapshot.clients)):
        found.append(
            f"strategy upmap needs clients of luminous or later, and clients of {', '.join(old)} are connected "
            "(`ceph features`): use strategy steps"
        )
    coded = sorted({int(move.group.split(".")[0]) for move in moves} & set(snapshot.erasure_coded))
    if coded:
        found.append(
            f"strategy upmap cannot pin PGs of erasure-coded pools, whose copies differ, such as of pool {coded[0]}: "
            "use strategy steps"
        )
    return found
