"""What a preview can tell of a local source, nothing of which is decoded before its digest is known to be right."""

from config.image import ImageSpec
from dynamic_providers.rbd_image import decompression, generation, inspection, known_digests, source


def was_verified(image: ImageSpec) -> bool:
    """Whether the source was verified before and is still the same file; only its header is read.

    Raises:
        CloudError: it is missing, no regular file, of another format or, as is known, of another digest; or
            `min_disk_gb` is too small for it.
    """
    with source.opened(image.source) as file:
        if not decompression.compression_of(file):
            size = inspection.virtual_size(file, image.source_format, _called(image))
            generation.refuse_small_min_disk(image.name, image.min_disk_gb, size)
        digest = known_digests.known(image.source, file)
    if digest and digest != image.sha256:
        raise source.mismatch(image.source, image.sha256, digest)
    return digest is not None


def verify(image: ImageSpec) -> None:
    """Read the source's tables and all of its bytes, and remember its digest.

    What a compressed source holds is the import's to look at.

    Raises:
        CloudError: it is cut off, of another digest, or decodes to no whole disk.
    """
    with source.opened(image.source) as file:
        plain = not decompression.compression_of(file)
        found = source.surveyed(file, image.source_format, _called(image), image.name) if plain else None
        before = known_digests.state(file)
        digest = source.hashed(file, f"{image.name}: verifying", brief=True)
        if found and digest == image.sha256:
            source.refuse_wrong_disk(found, _called(image), image.name)
        known_digests.remember(image.source, before, digest)
    if digest != image.sha256:
        raise source.mismatch(image.source, image.sha256, digest)


def _called(image: ImageSpec) -> str:
    """How sentences about the source begin."""
    return f"source {image.source!r}"
