"""One generation of a golden image: the RBD image and the Glance record that share an id.

The order makes every step repeatable: a queued record with the owner tags, the RBD image named after it, its snapshot, the
check of what is stored, the source's digest, the snapshot's protection, the registration. Whatever is in RBD has a record.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rbd
from openstack.exceptions import SDKException

from clients import ceph, glance
from clients import openstack as openstack_client
from clients import rbd as rbd_client
from clients.errors import CloudError, InUseError
from clients.progress import waiting
from dynamic_providers.rbd_image import locations, pool_capacity, reading, registration, store, writer
from dynamic_providers.rbd_image.reading import Source
from dynamic_providers.rbd_image.source import Opening
from dynamic_providers.rbd_image.wanted import Wanted

if TYPE_CHECKING:
    import rados
    from openstack.connection import Connection

NAMESPACE = uuid.UUID("6f0c1d9e-6a43-5c0e-9a53-1f6a5f0f6a11")  # of this project's image ids; never change it
GIB = 1 << 30
MAX_RECREATIONS = 1000  # how often the same content may be deleted and made again under one name


@dataclass(frozen=True)
class ImageBackends:
    """The two ends an import needs, open: Glance as one account, a pool as one cephx user."""

    conn: "Connection"
    pool: ceph.Pool

    @property
    def ioctx(self) -> "rados.Ioctx":
        """For I/O in the pool."""
        return self.pool.ioctx

    def location(self, image_id: str) -> str:
        """The location URL of a generation."""
        return rbd_client.location(self.pool.fsid, self.pool.name, image_id)


@contextmanager
def cloud(name: str, pool: str, user: str, conf: str | None) -> Iterator[ImageBackends]:
    """Open both ends, Ceph first: it is what a wrong setting shows on most often."""
    with ExitStack() as held:
        with waiting(f"waiting for Ceph (pool {pool}) and Glance ({name})"):
            opened = held.enter_context(rbd_client.pool(pool, user, conf))
            conn = held.enter_context(openstack_client.connect(name))
        yield ImageBackends(conn, opened)


def generation_id(stack: str, image: str, sha256: str, recreation: int = 0) -> str:
    """The Glance id and RBD name of a generation: a UUID that follows from its identity.

    ``recreation`` counts how often this very generation has been deleted before, because Glance does not
    give the id of a deleted record again.
    """
    identity = [stack, image, sha256] + ([str(recreation)] if recreation else [])
    return str(uuid.uuid5(NAMESPACE, "\0".join(identity)))


def ensure(cloud: ImageBackends, source: Opening, wanted: Wanted, current: str | None) -> glance.Record:
    """Make this generation active as ``wanted``, from wherever an earlier run left it.

    SOURCE is read and verified only where the generation is not there yet; CURRENT is the Glance id of the one that the
    resource has now, if any.

    Raises:
        CloudError: the source is not what was declared, or Ceph or Glance refuse; nothing new is left then, unless
            Ceph does not answer: then the next run goes on with what is left.
        BeingWrittenError: another run is at it; nothing was touched.
        StillRegisteringError: Glance has taken the location and is not done; run it again later.
    """
    with waiting(f"{wanted.image.name}: asking Glance and Ceph what is there"):
        record = _find_healthy(cloud, wanted, current)
    if record is None or record["status"] not in glance.FINISHED:
        locations.refuse_other_cluster(cloud.conn, cloud.pool)
        if known := source.surveyed():  # before it is hashed, which may take hours
            refuse_small_min_disk(wanted.image.name, wanted.image.min_disk_gb, known.virtual_size)
            pool_capacity.refuse_ahead(
                cloud.pool, record["id"] if record else None, known.data, wanted.image.name
            )
        readable = source.readable()
        refuse_small_min_disk(wanted.image.name, wanted.image.min_disk_gb, readable.virtual_size)
        source.refuse_mismatch()
        record = record or _new_record(cloud, wanted)
        try:
            record = _import(cloud, source, readable, record, wanted)
        except (registration.StillRegisteringError, store.BeingWrittenError):
            raise
        except Exception as error:
            if ceph.is_unanswered(error):
                raise  # the next run finds the record, and goes on
            with suppress(CloudError, SDKException, rbd.Error):
                remove(cloud, record)  # what this run made, whatever went wrong
            raise
    elif record["min_disk"] != wanted.image.min_disk_gb:
        refuse_small_min_disk(wanted.image.name, wanted.image.min_disk_gb, record["size"])
    return glance.apply(cloud.conn, record, wanted.fields())


def refuse_small_min_disk(name: str, min_disk: int, size: int) -> None:
    """Refuse a minimal disk of so many GiB where the image's has SIZE bytes, and more.

    Glance takes it, and Cinder and Nova then refuse the disks that it allows: none may be smaller than the image.
    """
    if min_disk and min_disk * GIB < size:
        raise CloudError(
            f"image {name!r}: min_disk_gb is {min_disk}, and its disk has {size} bytes: no server or volume of it can "
            f"have less than {-(-size // GIB)} GiB. Give at least that, or leave it out."
        )


def _import(
    cloud: ImageBackends, source: Opening, readable: Source, record: glance.Record, wanted: Wanted
) -> glance.Record:
    registration.refuse_if_closed(cloud.conn, record)
    stored = store.inspect(cloud.ioctx, record["id"])
    if stored and stored.protected and stored.size == readable.virtual_size:
        source.verify()
        sha512 = stored.sha512
    else:
        pool_capacity.refuse_if_full(cloud.pool)
        with ExitStack() as held:
            with waiting(f"{wanted.image.name}: making its RBD image ready"):
                target = held.enter_context(store.writable(cloud.ioctx, record["id"]))
            try:
                sha512 = writer.write(readable, target, cloud.pool, wanted.image, source.refuse_mismatch)
            except reading.UnreadableError:
                source.verify()  # that it is another file says more
                raise
            source.verify()
            with waiting(f"{wanted.image.name}: protecting its snapshot"):
                store.seal(target, sha512)
    with waiting(f"{wanted.image.name}: waiting for Glance to make it active"):
        return registration.register(
            cloud.conn, record["id"], cloud.location(record["id"]), sha512, readable.virtual_size
        )


def _find_healthy(cloud: ImageBackends, wanted: Wanted, current: str | None) -> glance.Record | None:
    """The record of this generation, if there is one with which to go on; broken ones are removed."""
    records = glance.generations(cloud.conn, wanted.owner_tags)
    # Renamed since it was made; publishers know only the name.
    if wanted.image.name != wanted.owner_tags[glance.TAG_IMAGE]:
        named = {**wanted.owner_tags, glance.TAG_IMAGE: wanted.image.name, glance.TAG_PUBLISHED: "true"}
        records += glance.generations(cloud.conn, named)
    known = glance.get(cloud.conn, current) if current else None
    if known and known.get(glance.TAG_SHA256) == wanted.owner_tags[glance.TAG_SHA256]:
        records.insert(0, known)  # its tags or name may be about to change
    for record in records:
        if record["status"] not in glance.FINISHED:
            return record
        stored = store.inspect(cloud.ioctx, record["id"])
        if stored is None or not stored.snapshot:
            remove(cloud, record)
        elif record["name"] != wanted.image.name and not record["os_hidden"] and record["id"] != current:
            raise CloudError(
                f"the content of image {wanted.image.name!r} is held by image {record['name']!r}, which had that "
                "name before it was renamed: give the new image another name."
            )
        else:
            if not stored.protected:
                store.protect(cloud.ioctx, record["id"])
            return record
    return None


def _new_record(cloud: ImageBackends, wanted: Wanted) -> glance.Record:
    owner_tags = wanted.owner_tags
    for recreation in range(MAX_RECREATIONS):
        image_id = generation_id(
            owner_tags[glance.TAG_STACK],
            owner_tags[glance.TAG_IMAGE],
            owner_tags[glance.TAG_SHA256],
            recreation,
        )
        if record := glance.create(cloud.conn, image_id, wanted.fields()):
            return record
        if there := glance.get(cloud.conn, image_id):
            return _of_this_moment(there, wanted)
        store.remove(cloud.ioctx, image_id)  # left behind if its record was deleted while it was written
    raise CloudError(
        f"image {wanted.image.name!r} was deleted and made again {MAX_RECREATIONS} times: purge Glance's database."
    )


def _of_this_moment(record: glance.Record, wanted: Wanted) -> glance.Record:
    """The record of this id that was not found by its tags: another run has just created it, or they are lost."""
    lost = {key: value for key, value in wanted.owner_tags.items() if record.get(key) != value}
    if lost:
        properties = " ".join(f"--property {key}={value}" for key, value in lost.items())
        raise CloudError(
            f"image {record['name']!r} ({record['id']}) is this generation, but somebody changed what says so: put "
            f"it back with `openstack image set {properties} {record['id']}`, or delete the image."
        )
    return record


def remove(cloud: ImageBackends, record: glance.Record, *, to_trash: bool = False) -> None:
    """Remove a generation, record and data; gone already is success.

    With ``to_trash`` what has clones goes as well: its data moves to RBD's trash, where the clones still read it.

    Raises:
        InUseError: its snapshot has clones, or another record shows its data; the sentence names them. Nothing was
            changed then. Of those that are moved to the trash: clones of Ceph's old format, which cannot outlive
            their parent.
        CloudError: the record is protected.
    """
    called = _called(record)
    found = refuse_if_used(cloud, record, to_trash=to_trash)
    try:
        with waiting(f"{record['name']}: waiting for Glance to delete {record['id']}"):
            glance.delete(cloud.conn, record)
    except InUseError as error:
        if not to_trash:
            raise
        raise InUseError(
            f"{called} cannot go to the trash while {', '.join(found)} are clones of the old format, which need their "
            "parent's snapshot: flatten them first (`rbd flatten`), and let the cluster make new ones "
            "(`ceph osd set-require-min-compat-client mimic`)."
        ) from error
    with waiting(f"{record['name']}: removing its data"):
        store.remove(cloud.ioctx, record["id"])


def refuse_if_used(cloud: ImageBackends, record: glance.Record, *, to_trash: bool = False) -> list[str]:
    """Looks whether a generation can be removed; the clones that TO_TRASH lets it have. Changes nothing.

    Raises:
        InUseError: its snapshot has clones, or may have, or another record shows its data; the sentence says which.
    """
    try:
        with waiting(f"{record['name']}: looking for its clones"):
            found = rbd_client.users(cloud.pool, record["id"])
    except InUseError as error:
        if not to_trash:
            raise type(error)(f"{_called(record)} is not removed: {error}") from error
        found = ["some that this Ceph user may not see"]
    if found and not to_trash:
        raise InUseError(
            f"{_called(record)} is in use: its snapshot is the parent of {', '.join(found)}. Delete or flatten them first."
        )
    if others := locations.also_shown_by(cloud.conn, cloud.pool, record):
        named = ", ".join(f"{other['name']!r} ({other['id']})" for other in others)
        raise InUseError(
            f"{_called(record)} is not deleted, because image {named} shows the same RBD image, and Glance deletes the "
            "data with whichever goes first: make that one anew from a copy of its data, or delete it if nobody needs "
            "it, then run this again."
        )
    return found


def _called(record: glance.Record) -> str:
    return f"image {record['name']!r} ({record['id']})"


def published(cloud: ImageBackends, stack: str, images: Iterable[str]) -> list[glance.Record]:
    """What was published for these images of the stack and waits to be taken, the newest first."""
    found = [
        record
        for image in dict.fromkeys(images)
        for record in glance.generations(
            cloud.conn,
            {glance.TAG_STACK: stack, glance.TAG_IMAGE: image, glance.TAG_PUBLISHED: "true"},
        )
    ]
    return sorted(found, key=lambda record: str(record["created_at"]), reverse=True)
