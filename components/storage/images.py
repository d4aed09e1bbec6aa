"""All golden images of a stack, imported with the login that the stack file names."""

from collections.abc import Mapping
from functools import partial

import pulumi

from components.storage.ceph_users import CephxUser
from components.storage.golden_image import GoldenImage
from components.storage.image_warnings import blindness, copies, warn
from components.storage.local_sources import refuse_bad_sources
from config.settings import Settings


def make_images(settings: Settings, ceph_users: Mapping[str, CephxUser]) -> dict[str, GoldenImage]:
    """Makes the images of SETTINGS, by name; CEPH_USERS are those that this program makes.

    Looks whether they would be cloned, and whether their clones could be seen, and warns where not.
    """
    store = settings.image_store
    if store is None:  # load() asks for it where there are images
        return {}
    if pulumi.runtime.is_dry_run():
        refuse_bad_sources(settings.images, store)
    user = ceph_users.get(store.ceph_user)
    login = user.login if user else None
    rolled_back_to = {fleet.image for fleet in settings.fleets}
    images = {
        spec.name: GoldenImage(spec.name, spec, store=store, login=login, former=spec.name in rolled_back_to)
        for spec in settings.images
    }
    if images:
        first = next(iter(images.values()))
        for look, question, unknown in (
            (copies, "whether they would be cloned", pulumi.log.info),
            (blindness, "whether clones can be seen", pulumi.log.debug),
        ):
            warnings: pulumi.Output[list[str]] = pulumi.Output.from_input(
                warn(look, question, partial(unknown, resource=first), store, first)
            )
            del warnings  # it goes on beside the rest, and the engine waits for it
    return images
