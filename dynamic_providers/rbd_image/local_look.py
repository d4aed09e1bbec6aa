"""What a preview can tell of a local source, nothing of which is decoded before its digest is known to be right."""

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from clients import files
from clients.errors import CloudError
from config.image import ImageSpec
from dynamic_providers.rbd_image import decompression, generation, inspection, source


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
        digest = known(image.source, file)
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
        before = state(file)
        digest = source.hashed(file, f"{image.name}: verifying", brief=True)
        if found and digest == image.sha256:
            source.refuse_wrong_disk(found, _called(image), image.name)
        remember(image.source, before, digest)
    if digest != image.sha256:
        raise source.mismatch(image.source, image.sha256, digest)


def _called(image: ImageSpec) -> str:
    """How sentences about the source begin."""
    return f"source {image.source!r}"


State = list[int]
SETTLED_NS = 2 * 10**9
"""How long after a change of a file a further one certainly has another timestamp."""


def state(file: BinaryIO) -> State | None:
    """Its stamp (`source.stamp`); None where it was changed so lately that its next change may not show."""
    if time.time_ns() - os.fstat(file.fileno()).st_ctime_ns < SETTLED_NS:
        return None
    return source.stamp(file)


def known(location: str, file: BinaryIO) -> str | None:
    """The SHA-256 that this file had when it was last hashed; None where it has changed or never was."""
    with suppress(CloudError, OSError, ValueError, TypeError, KeyError):
        entry = json.loads(_entry(location).read_text())
        if (now := state(file)) and entry["state"] == now:
            return str(entry["sha256"])
    return None


def remember(location: str, before: State | None, sha256: str) -> None:
    """Keep the digest of a file whose state was BEFORE when its hashing began; where it cannot be kept, do nothing."""
    if before is None:
        return
    with suppress(CloudError, OSError):
        entry = _entry(location)
        entry.parent.mkdir(exist_ok=True)
        files.replace(entry, json.dumps({"state": before, "sha256": sha256}))


def _entry(location: str) -> Path:
    name = hashlib.sha256(os.fsencode(Path(location).absolute())).hexdigest()
    return source.cache() / "digests" / name
