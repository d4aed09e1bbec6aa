"""Checks of images at preview, whose results are warnings and never errors; they run in parallel with the rest."""

import asyncio
from collections.abc import Callable

import pulumi

from clients import rbd
from clients.errors import CloudError
from clients.openstack import connect
from components.storage import cloning
from config.image import ImageStoreSpec


async def warn(
    look: Callable[[ImageStoreSpec], list[str]],
    question: str,
    unknown: Callable[[str], None],
    store: ImageStoreSpec,
    resource: pulumi.Resource | None,
) -> list[str]:
    """Tells RESOURCE what LOOK says of STORE, and UNKNOWN why QUESTION has no answer; gives what was told.

    Such as with an account that is yet to be made: whether the import works is the import's to say.
    """
    try:
        warnings = [f"images: {sentence}" for sentence in await asyncio.to_thread(look, store)]
    except CloudError as error:
        unknown(f"images: {question} was not checked: {error}")
        return []
    for sentence in warnings:
        pulumi.log.warn(sentence, resource)
    return warnings


def copies(store: ImageStoreSpec) -> list[str]:
    """Who of STORE's `cloned_by` would copy images instead of cloning them; nothing while Glance has no image."""
    if not store.cloned_by:
        return []
    with connect(store.cloud) as connection:
        seen = cloning.look(connection)
        return list(cloning.copies(seen, store.cloned_by)) if seen else []


def blindness(store: ImageStoreSpec) -> list[str]:
    """Which caps STORE's cephx user lacks, without which no image could be removed."""
    with rbd.pool(store.pool, store.ceph_user, str(store.ceph_conf) if store.ceph_conf else None) as pool:
        if not (blind := rbd.blind_pools(pool)):
            return []
        lacks = rbd.missing_caps(pool, blind)
        return [f"no image could be removed, because its clones could not be seen: {lacks}"]
