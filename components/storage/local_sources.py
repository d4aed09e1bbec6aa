"""A look at preview at the images' local sources: what `up` would refuse is refused before anything is made."""

from collections.abc import Callable, Sequence
from functools import cache

import pulumi
from openstack.exceptions import SDKException

from clients import glance
from clients.errors import CloudError
from clients.openstack import connect
from clients.progress import waiting
from config.image import ImageSpec, ImageStoreSpec
from dynamic_providers.rbd_image import fetch, generation, local_look

Held = list[glance.Record] | CloudError | SDKException
"""What Glance has of this stack; or why it cannot be asked."""


def refuse_bad_sources(images: Sequence[ImageSpec], store: ImageStoreSpec) -> None:
    """Refuse local sources that are missing, of another format, cut off or of another digest; all of them at once.

    Where Glance has the content already, the source is not needed. Where Glance cannot be asked about one that would be
    refused, it is a warning.

    Raises:
        pulumi.RunError: with a sentence for each.
    """
    refused = []
    in_glance = cache(lambda: _in_glance(store))
    for number, spec in enumerate(images):
        if spec.adopt or fetch.is_remote(spec.source):
            continue
        try:
            _refuse_bad(spec, in_glance)
        except CloudError as error:
            sentence = f"images[{number}]: {error}"
            if isinstance(held := in_glance(), Exception):
                pulumi.log.warn(
                    f"{sentence} Glance could not be asked whether it has the content already: {held}"
                )
            else:
                refused.append(sentence)
    if refused:
        raise pulumi.RunError("\n".join(refused))


def _refuse_bad(spec: ImageSpec, in_glance: Callable[[], Held]) -> None:
    """Look at the source, from what takes no time to what may take minutes."""
    refusal = None
    try:
        if local_look.was_verified(spec):
            return
    except CloudError as error:
        refusal = error
    held = in_glance()
    if isinstance(held, Exception):
        held = []
    if there := [record for record in held if record.get(glance.TAG_SHA256) == spec.sha256]:
        if spec.min_disk_gb not in {record["min_disk"] for record in there}:
            generation.refuse_small_min_disk(spec.name, spec.min_disk_gb, there[0]["size"])
        return
    if refusal:
        raise refusal
    local_look.verify(spec)


def _in_glance(store: ImageStoreSpec) -> Held:
    stack = {glance.TAG_STACK: f"{pulumi.get_project()}/{pulumi.get_stack()}"}
    try:
        with waiting("images: asking Glance what it has already"), connect(store.cloud) as conn:
            found = glance.generations(conn, stack)
    except (CloudError, SDKException) as error:
        return error
    return [record for record in found if record["status"] in glance.FINISHED]
