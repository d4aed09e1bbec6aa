"""The RBD image behind a generation: made, sealed with a protected snapshot, inspected, removed.

Only once ``snap`` is *protected*, after every write was flushed and checked, is it an image; anything less is written again.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import rbd

from clients import ceph
from clients.errors import InUseError
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


@contextmanager
def writable(ioctx: "rados.Ioctx", name: str, size: int) -> Iterator[rbd.Image]:
    """Yield an image of ``size`` bytes to write into, made if it is not there.

    What an interrupted import left is written over, not removed: it holds the same content, because the
    name follows from the content, and removing would have to wait until the dead client's watch expires. A
    snapshot that it took goes: nobody has checked what is in it.
    """
    ceph.bounded(partial(_make_ready, ioctx, name, size), "Ceph has made no RBD image ready")
    with opened(ioctx, name) as image:
        yield image


def _make_ready(ioctx: "rados.Ioctx", name: str, size: int) -> None:
    try:
        _create(ioctx, name, size)
    except rbd.ImageExists:
        try:
            _clear(ioctx, name, size)
        except rbd.ImageNotFound:  # a kill in the midst of making it left its name alone
            _forget(ioctx, name)
            _create(ioctx, name, size)


def _create(ioctx: "rados.Ioctx", name: str, size: int) -> None:
    rbd.RBD().create(
        ioctx,
        name,
        size,
        order=OBJECT.bit_length() - 1,
        features=FEATURES,
        stripe_unit=OBJECT,
        stripe_count=1,
    )


def _clear(ioctx: "rados.Ioctx", name: str, size: int) -> None:
    with opened(ioctx, name) as image:
        if _has_snapshot(image) and not image.is_protected_snap(SNAPSHOT):
            image.remove_snap(SNAPSHOT)
        if image.size() != size:
            image.resize(size)


def _forget(ioctx: "rados.Ioctx", name: str) -> None:
    """Remove what is left of an image that cannot be opened: librbd does, and says that it found none."""
    with suppress(rbd.ImageNotFound):
        rbd.RBD().remove(ioctx, name)


def take_snapshot(image: rbd.Image) -> None:
    """Take the snapshot of what was written and flushed; the monitors may need a second for it.

    Where it is there, another run imports the same content at this moment.
    """
    with suppress(rbd.ImageExists):
        image.create_snap(SNAPSHOT)


def seal(image: rbd.Image, sha512: str | None) -> None:
    """Record the hash, then protect the snapshot: what is in it was checked."""
    ceph.bounded(partial(_seal, image, sha512), "Ceph has protected no snapshot")


def _seal(image: rbd.Image, sha512: str | None) -> None:
    if sha512:
        image.metadata_set(SHA512_KEY, sha512)
    if not _has_snapshot(image):  # another run, just begun, took it for an interrupted one's
        image.create_snap(SNAPSHOT)
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
