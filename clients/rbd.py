"""RBD images in a pool, for whoever reads them: the pool, an image, the clones of its snapshot.

Clones of Ceph's old format are registered in their own pool, in an object `rbd_children`; librbd asks for it in every pool
before it says that a snapshot has none.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import rados
import rbd

from clients import ceph
from clients.errors import CloudError, InUseError

SNAPSHOT = "snap"  # the name that Glance's own rbd driver gives and looks for
_CHILDREN = "rbd_children"
_REFUSED = (errno.EPERM, errno.EACCES)


class UnknownClonesError(InUseError):
    """Whether there are clones cannot be told: to be treated as if there were."""


@contextmanager
def pool(name: str, user: str, conf: str | None) -> Iterator[ceph.Pool]:
    """Yield the pool as the cephx user; what Ceph refuses inside becomes a sentence."""
    with ceph.pool(name, user, conf) as opened:
        try:
            yield opened
        except rbd.Error as error:
            raise _explained(error, user, name) from error


def _explained(error: rbd.Error, user: str, name: str) -> CloudError:
    number = getattr(error, "errno", None)
    if number in (errno.EPERM, errno.EACCES):
        return CloudError(
            f"client.{user} may not write RBD images in pool {name!r}: an administrator grants that with "
            f"`ceph auth caps client.{user} mon 'profile rbd' osd 'profile rbd pool={name}'`."
        )
    if number in (errno.ENOSPC, errno.EDQUOT):
        return CloudError(
            f"pool {name!r} is full or at its quota: free room or raise it, then run this again."
        )
    if ceph.is_unanswered(error):
        return ceph.UnansweredError(
            f"Ceph did not answer for pool {name!r} in time: see `ceph -s`, then run this again; "
            "it goes on where it stopped."
        )
    return CloudError(f"Ceph failed in pool {name!r}: {error}.")


def location(fsid: str, pool_name: str, image: str) -> str:
    """The URL by which Glance, Nova and Cinder know the snapshot."""
    return f"rbd://{fsid}/{pool_name}/{image}/{SNAPSHOT}"


@contextmanager
def opened(
    ioctx: rados.Ioctx, name: str, *, read_only: bool = False, snapshot: str | None = None
) -> Iterator[rbd.Image]:
    """Yield the image, or its snapshot; one that leaves something unanswered is not closed (`ceph.closing`)."""
    image = rbd.Image(ioctx, name, read_only=read_only, snapshot=snapshot)
    with ceph.closing(image, image.close):
        yield image


def users(pool: ceph.Pool, name: str) -> list[str]:
    """The clones of the snapshot of image NAME as ``pool/image``, trashed ones too.

    Raises:
        InUseError: there are clones, and this user may not read their names.
        UnknownClonesError: this user may not ask every pool for clones.
    """
    try:
        with opened(pool.ioctx, name, read_only=True, snapshot=SNAPSHOT) as image:
            return [
                f"{child['pool']}/{child['image'] or child['id']}"
                + (" (in the trash)" if child["trash"] else "")
                for child in image.list_children2()
            ]
    except rbd.ImageNotFound:
        return []
    except (rbd.PermissionError, rbd.OSError) as error:
        if getattr(error, "errno", None) not in _REFUSED:
            raise
        if blind := blind_pools(pool):
            raise UnknownClonesError(
                f"whether snapshot {name}@{SNAPSHOT} has clones cannot be told: {missing_caps(pool, blind)}"
            ) from error
        raise InUseError(
            f"snapshot {name}@{SNAPSHOT} has clones in pools that this Ceph user may not read: "
            f"`rbd children {name}@{SNAPSHOT}` names them to an administrator. To have them named here, add to the user's "
            "caps, for the pool of volumes and that of instances: osd 'allow class-read pool=POOL object_prefix rbd_'."
        ) from error


def blind_pools(pool: ceph.Pool) -> list[str]:
    """The pools of the cluster that this user may not ask for clones."""
    blind = []
    for name in pool.handle.list_pools():
        try:
            with pool.handle.open_ioctx(name) as ioctx:
                ioctx.execute(
                    _CHILDREN, "rbd", "get_children", b""
                )  # refused before its argument is looked at
        except rados.Error as error:
            if error.errno in _REFUSED:
                blind.append(name)
    return blind


def missing_caps(pool: ceph.Pool, blind: list[str]) -> str:
    """What the user of POOL lacks for the BLIND pools, and how an administrator gives it."""
    return (
        f"client.{pool.user} may not ask pool {', '.join(blind)} for clones. Add to its osd caps 'allow class-read "
        f"object_prefix {_CHILDREN}', or give it 'profile rbd pool={pool.name}', which contains that (`ceph auth get "
        f"client.{pool.user}` shows its caps, `ceph auth caps client.{pool.user} …` sets all of them at once)."
    )
