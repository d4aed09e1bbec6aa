"""The RBD image behind a generation: made, sealed with a protected snapshot, inspected, removed.

Only once ``snap`` is *protected*, after every write was flushed and checked and the source verified, is it an image; anything
less may be of a wrong source, and is emptied and written again.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import rbd

from clients import ceph
from clients.errors import CloudError, InUseError
from clients.rbd import SNAPSHOT, opened
from dynamic_providers.rbd_image.decoder import OBJECT

if TYPE_CHECKING:
    import rados

FEATURES = (
    rbd.RBD_FEATURE_LAYERING
    | rbd.RBD_FEATURE_EXCLUSIVE_LOCK
    | rbd.RBD_FEATURE_OBJECT_MAP
    | rbd.RBD_FEATURE_FAST_DIFF
    | rbd.RBD_FEATURE_DEEP_FLATTEN
)
"""Ceph's own default; said here, as the client's ceph.conf may say others, which cannot be cloned or written so."""
EMPTIED_AT_ONCE = 128 << 30  # bytes of the disk; their 32768 objects are removed within seconds
SHA512_KEY = "private_cloud.sha512"  # RBD image metadata: the hash outlives a crash before registration


@dataclass(frozen=True)
class Stored:
    """What RBD holds for a generation.

    Attributes:
        size: of the virtual disk, in bytes.
        snapshot: whether it exists. Where Glance has the image, its protection is all that may be missing.
        protected: whether the snapshot is protected.
        sha512: of the RAW disk, where it was computed.
    """

    size: int
    snapshot: bool
    protected: bool
    sha512: str | None


def inspect(ioctx: "rados.Ioctx", name: str) -> Stored | None:
    """What RBD holds under ``name``, or None."""
    try:
        with opened(ioctx, name, read_only=True) as image:
            snapshot = _has_snapshot(image)
            try:
                sha512 = image.metadata_get(SHA512_KEY)
            except KeyError:
                sha512 = None
            return Stored(
                size=image.size(),
                snapshot=snapshot,
                protected=snapshot and image.is_protected_snap(SNAPSHOT),
                sha512=sha512,
            )
    except rbd.ImageNotFound:
        return None


class BeingWrittenError(CloudError):
    """Another run is writing the image, or has written it since it was looked at."""


@contextmanager
def writable(ioctx: "rados.Ioctx", name: str) -> Iterator[rbd.Image]:
    """Yield an image that nobody else can write into meanwhile, made if it is not there; `make_empty` gives it its size.

    What an interrupted import left is not removed: that would have to wait until the dead client's watch expires. A
    snapshot that it took goes: nobody has checked what is in it.

    Raises:
        BeingWrittenError: another run is writing into it, or has sealed it.
    """
    ceph.bounded(partial(_make_ready, ioctx, name), "Ceph has made no RBD image ready")
    with opened(ioctx, name) as image:
        ceph.bounded(partial(_take_over, image, name), "Ceph has made no RBD image ready")
        yield image


def _make_ready(ioctx: "rados.Ioctx", name: str) -> None:
    try:
        _create(ioctx, name)
    except rbd.ImageExists:
        try:
            with opened(ioctx, name, read_only=True):
                """It is whole."""
        except rbd.ImageNotFound:  # a kill in the midst of making it left its name alone
            _forget(ioctx, name)
            _create(ioctx, name)


def _create(ioctx: "rados.Ioctx", name: str) -> None:
    rbd.RBD().create(
        ioctx,
        name,
        0,
        order=OBJECT.bit_length() - 1,
        features=FEATURES,
        stripe_unit=OBJECT,
        stripe_count=1,
    )


def _take_over(image: rbd.Image, name: str) -> None:
    """Lock the image, which its owner gives to nobody else; the lock of a dead client is broken."""
    try:
        image.lock_acquire(rbd.RBD_LOCK_MODE_EXCLUSIVE)
    except rbd.ReadOnlyImage as error:
        raise BeingWrittenError(
            f"another run is importing image {name} at this moment: run this again when that has ended."
        ) from error
    if _has_snapshot(image):
        if image.is_protected_snap(SNAPSHOT):
            raise BeingWrittenError(f"another run has just imported image {name}: run this again to take it.")
        image.remove_snap(SNAPSHOT)


def make_empty(image: rbd.Image, size: int) -> None:
    """Give the image ``size`` bytes, all of them zeros, whatever it held."""
    while held := image.size():
        ceph.bounded(partial(image.resize, max(held - EMPTIED_AT_ONCE, 0)), "Ceph has emptied no RBD image")
    ceph.bounded(partial(image.resize, size), "Ceph has given its size to no RBD image")


def _forget(ioctx: "rados.Ioctx", name: str) -> None:
    """Remove what is left of an image that cannot be opened: librbd does, and says that it found none."""
    with suppress(rbd.ImageNotFound):
        rbd.RBD().remove(ioctx, name)


def take_snapshot(image: rbd.Image) -> None:
    """Take the snapshot of what was written and flushed; the monitors may need a second for it."""
    image.create_snap(SNAPSHOT)


def seal(image: rbd.Image, sha512: str | None) -> None:
    """Record the hash, then protect the snapshot: what is in it was checked."""
    ceph.bounded(partial(_seal, image, sha512), "Ceph has protected no snapshot")


def _seal(image: rbd.Image, sha512: str | None) -> None:
    if sha512:
        image.metadata_set(SHA512_KEY, sha512)
    if not image.is_protected_snap(SNAPSHOT):
        image.protect_snap(SNAPSHOT)


def protect(ioctx: "rados.Ioctx", name: str) -> None:
    """Protect the snapshot again, where somebody lifted the protection."""
    with opened(ioctx, name) as image:
        seal(image, None)


def remove(ioctx: "rados.Ioctx", name: str) -> None:
    """Remove the image and its snapshot, if they are still there.

    Raises:
        InUseError: the snapshot has clones.
    """
    try:
        with opened(ioctx, name) as image:
            for snap in list(image.list_snaps()):
                if image.is_protected_snap(snap["name"]):
                    image.unprotect_snap(snap["name"])
                image.remove_snap(snap["name"])
        rbd.RBD().remove(ioctx, name)
    except rbd.ImageNotFound:
        _forget(ioctx, name)
    except rbd.ImageBusy as error:
        raise InUseError(
            f"RBD image {name} is still open or has clones; `rbd status` and `rbd children` tell an administrator by whom. "
            "(A killed import counts as a client for 30 s.)"
        ) from error


def _has_snapshot(image: rbd.Image) -> bool:
    return any(snap["name"] == SNAPSHOT for snap in image.list_snaps())
