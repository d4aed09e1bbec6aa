"""What a preview can tell of a local source, nothing of which is decoded before its digest is known to be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dynamic_providers.rbd_image import decompression, generation, inspection, known_digests, source

if TYPE_CHECKING:
    from dynamic_providers.rbd_image.inspection import Format


@dataclass(frozen=True)
class Declared:
    """An image with a local source, as its stack file has it."""

    name: str
    location: str
    sha256: str
    format: Format
    min_disk_gb: int

    @property
    def called(self) -> str:
        """How sentences about the source begin."""
        return f"source {self.location!r}"


def was_verified(image: Declared) -> bool:
    """Whether the source was verified before and is still the same file; only its header is read.

    Raises:
        CloudError: it is missing, no regular file, of another format or, as is known, of another digest; or
            `min_disk_gb` is too small for it.
    """
    with source.opened(image.location) as file:
        if not decompression.compression_of(file):
            size = inspection.virtual_size(file, image.format, image.called)
            generation.refuse_small_min_disk(image.name, image.min_disk_gb, size)
        digest = known_digests.known(image.location, file)
    if digest and digest != image.sha256:
        raise source.mismatch(image.location, image.sha256, digest)
    return digest is not None


def verify(image: Declared) -> None:
    """Read the source's tables and all of its bytes, and remember its digest.

    What a compressed source holds is the import's to look at.

    Raises:
        CloudError: it is cut off, of another digest, or decodes to no whole disk.
    """
    with source.opened(image.location) as file:
        plain = not decompression.compression_of(file)
        found = source.surveyed(file, image.format, image.called, image.name) if plain else None
        before = known_digests.state(file)
        digest = source.hashed(file, f"{image.name}: verifying", brief=True)
        if found and digest == image.sha256:
            source.refuse_wrong_disk(found, image.called, image.name)
        known_digests.remember(image.location, before, digest)
    if digest != image.sha256:
        raise source.mismatch(image.location, image.sha256, digest)
