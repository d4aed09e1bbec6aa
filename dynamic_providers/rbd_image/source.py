"""Where an image comes from: a file or something fetched, verified against its SHA-256 and held open.

A file may be hashed ahead, while Keystone, Ceph and Glance are asked. What its size, its header and its tables tell
is checked before it is hashed, which may take hours; nothing is decompressed or decoded before it is verified.
"""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from clients import regular_file
from clients.errors import CloudError
from clients.progress import Progress
from dynamic_providers.rbd_image import decompression, fetch, inspection, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dynamic_providers.rbd_image.inspection import Format

HASHED_AT_ONCE = 1 << 20  # stays in the processor's cache between being read and being hashed


@dataclass(frozen=True)
class Source:
    """A verified file, held open: what is imported is what was hashed, whatever happens to the path.

    Attributes:
        fd: descriptor of the file, decompressed if it was compressed; valid inside the ``with`` that gave this object.
        format: of the file.
        virtual_size: of the disk in it, in bytes.
        data: how many bytes of the disk may hold data.
    """

    fd: int
    format: Format
    virtual_size: int
    data: int = 0


class _NotNeededError(Exception):
    """Nobody waits for the hash any more."""


@contextmanager
def opening(
    location: str, sha256: str, declared: Format, what: str, *, ahead: bool
) -> Iterator[Callable[[], Source]]:
    """Yield a function that gives the verified source, held open until the ``with`` ends.

    With ``ahead`` a file is hashed in a thread from now on; what is wrong with it is raised where it is asked for.
    What has to be fetched is fetched only then.
    """
    over = threading.Event()
    with ExitStack() as held, ThreadPoolExecutor(1, thread_name_prefix="sha256") as beside:

        def verify() -> Source:
            return held.enter_context(verified(location, sha256, declared, what, over))

        try:
            yield beside.submit(verify).result if ahead and not fetch.is_remote(location) else verify
        finally:
            over.set()


@contextmanager
def verified(
    location: str, sha256: str, declared: Format, what: str, over: threading.Event | None = None
) -> Iterator[Source]:
    """Open a path or fetch an http(s) or s3 address, verify its SHA-256, inspect it, and yield it.

    A download is kept under the user's cache until the ``with`` ends well, so that an interrupted import
    does not fetch it again. Hashing a file stops when ``over`` is set.

    Raises:
        CloudError: missing, unreachable, another checksum, or a file that is not safely importable.
    """
    called = f"source {location!r}"
    with ExitStack() as held:
        path = _download(location, sha256, what) if fetch.is_remote(location) else None
        file = held.enter_context(path.open("rb") if path else _opened(location))
        compression = decompression.compression_of(file)
        if not compression:
            found = _surveyed(file, declared, called, what)
        if not path:
            digest = _hash(file, f"{what}: verifying", over)
            if digest != sha256:
                raise _mismatch(location, sha256, digest)
        if compression:
            called = f"source {location!r}, decompressed,"
            disk = decompression.decompressed(
                file,
                compression,
                folder=_cache(),
                location=location,
                what=what,
                look=partial(_refuse_foreign, declared, called),
                go_on=partial(_refuse_if_over, over),
            )
            found = _surveyed(held.enter_context(disk), declared, called, what)
        _refuse_wrong_disk(found, called, what)
        yield found
    if path:
        path.unlink(missing_ok=True)


def _refuse_foreign(declared: Format, called: str, head: bytes) -> None:
    inspection.refuse_foreign(head, b"", declared, called)


def _refuse_if_over(over: threading.Event | None) -> None:
    if over and over.is_set():
        raise _NotNeededError


def _opened(location: str) -> BinaryIO:
    try:
        return regular_file.opened(location)
    except OSError as error:
        raise CloudError(f"source {location!r} cannot be read: {error.strerror}.") from error


def _surveyed(file: BinaryIO, declared: Format, called: str, what: str) -> Source:
    """The source, as far as its size, its header and its tables tell; nothing is decoded."""
    size = inspection.virtual_size(file, declared, called)
    source = Source(file.fileno(), declared, size)
    return replace(source, data=reading.survey(source, what))


def _refuse_wrong_disk(source: Source, called: str, what: str) -> None:
    head, tail = reading.ends(source, what)
    inspection.refuse_wrong_disk(head, tail, source.virtual_size, source.format, called)


def _mismatch(location: str, wanted: str, found: str) -> CloudError:
    return CloudError(
        f"source {location!r} has SHA-256 {found}, and {wanted} is declared: nothing was imported. "
        "If the new content is meant, declare its checksum."
    )


def _hash(file: BinaryIO, what: str, over: threading.Event | None = None) -> str:
    """SHA-256 of the file. Its holes are hashed without being read: they would push other data out of memory."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(HASHED_AT_ONCE))
    zeros = memoryview(bytes(HASHED_AT_ONCE))
    size, at = os.fstat(file.fileno()).st_size, 0

    def count_in(data: memoryview) -> int:
        _refuse_if_over(over)
        digest.update(data)
        progress.advance(len(data))
        return len(data)

    with Progress(what, size) as progress:
        for start, end in (*reading.extents(file.fileno()), (size, size)):
            while at < start:
                at += count_in(zeros[: start - at])
            while at < end and (count := os.preadv(file.fileno(), [buffer[: end - at]], at)):
                at += count_in(buffer[:count])
    return digest.hexdigest()


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "private-cloud" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _download(location: str, sha256: str, what: str) -> Path:
    target = _cache() / sha256
    if target.exists():
        with target.open("rb") as file:
            if _hash(file, f"{what}: verifying the earlier download") == sha256:
                return target
    with fetch.fetched(location, target.parent, what) as download:
        if download.sha256 != sha256:
            raise _mismatch(location, sha256, download.sha256)
        download.path.replace(target)
    return target
