"""Checks before the first byte is written that a pool has space for the data."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import rbd

from clients import ceph
from clients.errors import CloudError
from clients.progress import waiting
from clients.rbd import opened
from dynamic_providers.rbd_image.decoder import OBJECT

MIB = 1 << 20


@dataclass(frozen=True)
class PoolCapacity:
    """Free capacity of a pool in a client's bytes; Ceph accounts for the replicas.

    Attributes:
        bytes_left: before its OSDs are full or it is at its quota.
        objects_left: before it is at its quota of objects; None without one.
        by_quota: whether the quota is the tighter limit, not the OSDs.
    """

    bytes_left: int
    objects_left: int | None
    by_quota: bool

    def takes(self, needed: int) -> bool:
        """Whether that many bytes fit in whole RBD objects, and at least one more object."""
        objects = -(-needed // OBJECT) or 1
        return max(needed, 1) <= self.bytes_left and (
            self.objects_left is None or objects <= self.objects_left
        )


def refuse_if_full(pool: ceph.Pool) -> None:
    """Refuse a full pool: even creating an RBD image in it would hang."""
    capacity = of_pool(pool, pool.name)
    if capacity and not capacity.takes(1):
        raise CloudError(
            f"pool {pool.name!r} is full or at its quota: run this again when you have {_remedy(pool.name, capacity)}."
        )


def refuse_ahead(pool: ceph.Pool, image: str | None, needed: int, what: str) -> None:
    """Like `refuse_if_too_small`, for an image that an earlier run began, or that does not exist yet."""
    refuse_if_full(pool)
    if image:
        with suppress(rbd.ImageNotFound), opened(pool.ioctx, image, read_only=True) as target:
            refuse_if_too_small(pool, target, needed, what)
            return
    name = pool.handle.conf_get("rbd_default_data_pool") or pool.name
    _refuse_if_too_small(pool, name, needed, what, lambda: 0)


def refuse_if_too_small(pool: ceph.Pool, target: rbd.Image, needed: int, what: str) -> None:
    """Refuse to write ``needed`` bytes into ``target`` if they do not fit; what it holds already is counted off."""
    name = pool.handle.pool_reverse_lookup(target.data_pool_id())
    _refuse_if_too_small(pool, name, needed, what, lambda: _held(target, what))


def _refuse_if_too_small(pool: ceph.Pool, name: str, needed: int, what: str, held: Callable[[], int]) -> None:
    capacity = of_pool(pool, name)
    if capacity is None or capacity.takes(needed):
        return
    missing = needed - held()  # looked up only now: without an object map it takes a while
    if missing > 0 and not capacity.takes(missing):
        raise CloudError(
            f"{what}: the source has up to {needed // MIB} MiB of data, and pool {name!r} can take "
            f"{max(capacity.bytes_left, 0) // MIB} MiB more"
            + (f" in {capacity.objects_left} objects" if capacity.objects_left is not None else "")
            + f": nothing was written. Run this again when you have {_remedy(name, capacity)}."
        )


def of_pool(pool: ceph.Pool, name: str) -> PoolCapacity | None:
    """What the pool of that name, in the cluster of ``pool``, can still take; None where Ceph does not say."""
    try:
        found = ceph.command(pool.handle, "df", detail="detail")
    except ceph.CommandRefused:
        return None  # a user with less than `profile rbd`; what does not fit then shows on writing
    for item in found["pools"]:
        if item["name"] == name:
            stats = item["stats"]
            free, quota = int(stats["max_avail"]), int(stats["quota_bytes"])
            left = quota - int(stats["stored"]) if quota else free
            most = int(stats["quota_objects"])
            objects = most - int(stats["objects"]) if most else None
            by_quota = left < free or objects is not None
            return PoolCapacity(min(free, left), objects, by_quota)
    return None


def _remedy(name: str, capacity: PoolCapacity) -> str:
    if capacity.by_quota:
        return f"freed room in it or raised its quota (`ceph osd pool get-quota {name}` shows it)"
    return "freed room in it or added OSDs (`ceph df` shows what there is)"


def _held(target: rbd.Image, what: str) -> int:
    found: list[int] = []

    def count(_offset: int, length: int, exists: bool) -> None:
        found.append(length * exists)

    if size := target.size():  # librbd 16 aborts the process where it is 0
        with waiting(f"{what}: looking at what an earlier run has written"):
            target.diff_iterate(0, size, None, count, whole_object=True)
    return sum(found)
