"""A look at preview whether the image import's cephx user could tell that an image has clones: a warning, never an error."""

import asyncio

import pulumi

from clients import rbd
from clients.errors import CloudError
from config.image import ImageStoreSpec


async def warn_of_blindness(wanted: ImageStoreSpec, resource: pulumi.Resource) -> list[str]:
    """Tells RESOURCE which caps the user of WANTED lacks, without which no image could be removed; gives what was told.

    Quiet where Ceph cannot be asked, such as with a user that is yet to be made: the import says that itself.
    """
    try:
        told = await asyncio.to_thread(_look, wanted)
    except CloudError as error:
        pulumi.log.debug(f"images: whether clones can be seen was not checked: {error}", resource)
        return []
    for sentence in told:
        pulumi.log.warn(sentence, resource)
    return told


def _look(wanted: ImageStoreSpec) -> list[str]:
    conf = str(wanted.ceph_conf) if wanted.ceph_conf else None
    with rbd.pool(wanted.pool, wanted.ceph_user, conf) as pool:
        blind = rbd.blind_pools(pool)
        if not blind:
            return []
        lacks = rbd.missing_caps(pool, blind)
        return [f"images: no image could be removed, because its clones could not be seen: {lacks}"]
