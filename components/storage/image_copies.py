"""A look at preview whether Nova and Cinder would copy images instead of cloning them: a warning, never an error."""

import asyncio

import pulumi

from clients.errors import CloudError
from clients.openstack import connect
from components.storage import cloning
from config.image import ImageStoreSpec


async def warn_of_copies(store: ImageStoreSpec, resource: pulumi.Resource) -> list[str]:
    """Tells RESOURCE who of STORE's `cloned_by` would copy, beside all else that the program does; gives what was told.

    Quiet while Glance has no image to look at. Where Glance cannot be asked, such as with an account that is yet to be
    made, that is told as information: whether the import works is the import's to say.
    """
    if not store.cloned_by:
        return []
    try:
        told = [f"images: {sentence}" for sentence in await asyncio.to_thread(_look, store)]
    except CloudError as error:
        pulumi.log.info(f"images: whether they would be cloned was not checked: {error}", resource)
        return []
    for sentence in told:
        pulumi.log.warn(sentence, resource)
    return told


def _look(store: ImageStoreSpec) -> list[str]:
    with connect(store.cloud) as connection:
        seen = cloning.look(connection)
        return list(cloning.copies(seen, store.cloned_by)) if seen else []
