"""Importing an image for a stack that takes it later: by whoever builds images, before the change is reviewed.

A published generation has the identity that the stack would give it, and a tag that says it waits, hidden unless shown is
asked for. Only later publications and the stack's own destroy remove it.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from clients import glance
from clients.errors import InUseError
from dynamic_providers.rbd_image import generation, store
from dynamic_providers.rbd_image.generation import ImageBackends
from dynamic_providers.rbd_image.source import Opening
from dynamic_providers.rbd_image.wanted import Wanted


@dataclass(frozen=True)
class Published:
    """What a publication came to.

    Attributes:
        record: of the image, as Glance has it now.
        copied: whether data was written; otherwise an earlier run, or the stack, had done it.
        taken: whether the stack has it already: then nothing about it was touched.
        removed: Glance ids of earlier publications that no stack took and that went.
    """

    record: glance.Record
    copied: bool
    taken: bool
    removed: list[str]


def publish(cloud: ImageBackends, source: Opening, wanted: Wanted, *, shown: bool, keep: int) -> Published:
    """Import the source, unless it is there; keep only the newest ``keep`` that wait for the same image.

    Raises:
        CloudError: the source is not what was declared, or Ceph or Glance refuse; nothing new is left then.
        StillRegisteringError: Glance has taken the location and is not done; run it again later.
    """
    before = [record for record in glance.generations(cloud.conn, wanted.owner_tags) if _whole(cloud, record)]
    for record in before:
        if not {glance.TAG_PUBLISHED, glance.TAG_REMOVED} & set(record):
            return Published(record, copied=False, taken=True, removed=[])
    waiting = replace(wanted, published=True, hidden=not shown)
    record = generation.ensure(cloud, source, waiting, None)
    stack, image = wanted.owner_tags[glance.TAG_STACK], wanted.owner_tags[glance.TAG_IMAGE]
    others = [found for found in generation.published(cloud, stack, [image]) if found["id"] != record["id"]]
    removed = []
    for old in others[keep - 1 :]:
        with suppress(InUseError):  # somebody tries it out; a later publication finds it again
            generation.remove(cloud, old)
            removed.append(old["id"])
    return Published(record, copied=not before, taken=False, removed=removed)


def _whole(cloud: ImageBackends, record: glance.Record) -> bool:
    stored = store.inspect(cloud.ioctx, record["id"])
    return record["status"] in glance.FINISHED and stored is not None and stored.snapshot
