"""Digests of local files, kept in the cache folder, so that a preview does not hash a file that has not changed.

Only previews believe them: an import hashes what it reads.
"""

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from clients import files
from clients.errors import CloudError
from dynamic_providers.rbd_image import source

State = list[int]
SETTLED_NS = 2 * 10**9
"""How long after a change of a file a further one certainly has another timestamp."""


def state(file: BinaryIO) -> State | None:
    """What changes whenever the file does; None where it was changed so lately that its next change may not show.

    The time of its last change (ctime) is the kernel's, and nobody can set it back.
    """
    found = os.fstat(file.fileno())
    if time.time_ns() - found.st_ctime_ns < SETTLED_NS:
        return None
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


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
