"""A verified source by itself; the program has one only inside of an import, which asks for it late."""

from contextlib import contextmanager

from config.image import Image
from dynamic_providers.rbd_image import source


@contextmanager
def verified(location, sha256, declared, what):
    """The source at LOCATION, once its digest is known to be the declared one."""
    with source.opening(
        Image(name=what, source=str(location), source_format=declared), sha256, ahead=False
    ) as opening:
        found = opening.readable()
        opening.verify()
        yield found
