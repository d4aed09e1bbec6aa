"""Where an image comes from: a file or something fetched, verified against its SHA-256 and held open.

A file may be hashed ahead, while Keystone, Ceph and Glance are asked. What its size, its header and its tables tell
is checked before it is hashed, which may take hours; nothing is decompressed or decoded before it is verified.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from clients import regular_file
from clients.errors import CloudError
from clients.progress import Progress, waiting
from config.image import SourceFormat
from dynamic_providers.rbd_image import decompression, fetch, inspection, reading
from dynamic_providers.rbd_image.source_file import Source

HASHED_AT_ONCE = 1 << 20  # stays in the processor's cache between being read and being hashed


class _NotNeededError(Exception):
    """Nobody waits for the hash any more."""


@dataclass(frozen=True)
class Opening:
    """A source on its way.

    Attributes:
        surveyed: gives what size, header and tables tell, before the source is hashed; None where it has to be fetched
            or decompressed for that.
        verified: gives it when its digest is the declared one.
    """

    surveyed: Callable[[], Source | None]
    verified: Callable[[], Source]


@contextmanager
def opening(
    location: str, sha256: str, declared: SourceFormat, what: str, *, ahead: bool
) -> Iterator[Opening]:
    """Yield a source, held open until the ``with`` ends.

    With ``ahead`` a file is hashed in a thread from now on; what is wrong with it is raised where it is asked for.
    What has to be fetched is fetched only when it is asked for. A download is kept under the user's cache until the
    ``with`` ends well, so that an interrupted import does not fetch it again.
    """
    over = threading.Event()
    with ExitStack() as held, ThreadPoolExecutor(1, thread_name_prefix="sha256") as beside:
        found = _OnItsWay(location, sha256, declared, what, held=held, over=over)
        try:
            if ahead and not fetch.is_remote(location):
                surveyed, verified = beside.submit(found.surveyed), beside.submit(found.verified)
                yield Opening(surveyed.result, verified.result)
            else:
                yield Opening(found.surveyed, found.verified)
        finally:
            over.set()


class _OnItsWay:
    """The steps from a location to a verified source; what is opened is held by HELD."""

    def __init__(
        self,
        location: str,
        sha256: str,
        declared: SourceFormat,
        what: str,
        *,
        held: ExitStack,
        over: threading.Event,
    ) -> None:
        self._location = location
        self._sha256 = sha256
        self._declared = declared
        self._what = what
        self._held = held
        self._over = over
        self._file: BinaryIO | None = None
        self._surveyed: Source | None = None

    def surveyed(self) -> Source | None:
        """What is known before anything is fetched, hashed or decompressed."""
        if self._file is None and not fetch.is_remote(self._location):
            self._survey(self._held.enter_context(opened(self._location)))
        return self._surveyed

    def _survey(self, file: BinaryIO) -> None:
        self._file = file
        if not decompression.compression_of(file):
            self._surveyed = surveyed(file, self._declared, f"source {self._location!r}", self._what)

    def verified(self) -> Source:
        """The source with the declared digest, decompressed, and a whole disk as far as can be told."""
        if fetch.is_remote(self._location):
            self._survey(self._downloaded())
        else:
            self.surveyed()
            self._refuse_other_digest()
        called = f"source {self._location!r}"
        if not self._surveyed:
            called += ", decompressed,"
            self._surveyed = surveyed(self._decompressed(called), self._declared, called, self._what)
        refuse_wrong_disk(self._surveyed, called, self._what)
        return self._surveyed

    def _downloaded(self) -> BinaryIO:
        path = _download(self._location, self._sha256, self._what)
        self._held.push(partial(_remove_after_success, path))
        return self._held.enter_context(path.open("rb"))

    def _refuse_other_digest(self) -> None:
        assert self._file
        digest = hashed(self._file, f"{self._what}: verifying", self._over)
        if digest != self._sha256:
            raise mismatch(self._location, self._sha256, digest)

    def _decompressed(self, called: str) -> BinaryIO:
        assert self._file
        compression = decompression.compression_of(self._file)
        assert compression
        disk = decompression.decompressed(
            self._file,
            compression,
            folder=cache(),
            location=self._location,
            what=self._what,
            look=partial(_refuse_foreign, self._declared, called),
            go_on=partial(_refuse_if_over, self._over),
        )
        return self._held.enter_context(disk)


def _remove_after_success(path: Path, kind: type[BaseException] | None, *_: object) -> None:
    if kind is None:
        path.unlink(missing_ok=True)


def _refuse_foreign(declared: SourceFormat, called: str, head: bytes) -> None:
    inspection.refuse_foreign(head, b"", declared, called)


def _refuse_if_over(over: threading.Event | None) -> None:
    if over and over.is_set():
        raise _NotNeededError


def opened(location: str) -> BinaryIO:
    """The file at a path."""
    try:
        return regular_file.opened(location)
    except OSError as error:
        raise CloudError(f"source {location!r} cannot be read: {error.strerror}.") from error


def surveyed(file: BinaryIO, declared: SourceFormat, called: str, what: str) -> Source:
    """The source, as far as its size, its header and its tables tell; nothing is decoded.

    Raises:
        CloudError: it is not safely or wholly importable; CALLED is how the sentence begins.
    """
    size = inspection.virtual_size(file, declared, called)
    source = Source(file.fileno(), declared, size)
    return replace(source, data=reading.survey(source, what))


def refuse_wrong_disk(source: Source, called: str, what: str) -> None:
    """Refuse what decodes to no disk, or to one that was cut off.

    Raises:
        CloudError: it does; CALLED is how the sentence begins.
    """
    with waiting(f"{what}: reading its first and last bytes"):
        head, tail = reading.ends(source, what)
    inspection.refuse_wrong_disk(head, tail, source.virtual_size, source.format, called)


def mismatch(location: str, wanted: str, found: str) -> CloudError:
    """The sentence for another digest than the declared one."""
    return CloudError(
        f"source {location!r} has SHA-256 {found}, and {wanted} is declared: nothing was imported. "
        "If the new content is meant, declare its checksum."
    )


def hashed(file: BinaryIO, what: str, over: threading.Event | None = None, *, brief: bool = False) -> str:
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

    with Progress(what, size, brief=brief) as progress:
        for start, end in (*reading.extents(file.fileno()), (size, size)):
            while at < start:
                at += count_in(zeros[: start - at])
            while at < end and (count := os.preadv(file.fileno(), [buffer[: end - at]], at)):
                at += count_in(buffer[:count])
    return digest.hexdigest()


def cache() -> Path:
    """The user's folder for downloads and what is decompressed, made if it is not there."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "private-cloud" / "images"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: this user has no home
        raise CloudError(
            f"there is no folder for what is fetched ({error}): let XDG_CACHE_HOME name one that can be written."
        ) from error
    return folder


def _download(location: str, sha256: str, what: str) -> Path:
    target = cache() / sha256
    if target.exists():
        with target.open("rb") as file:
            if hashed(file, f"{what}: verifying the earlier download") == sha256:
                return target
    with fetch.fetched(location, target.parent, what) as download:
        if download.sha256 != sha256:
            raise mismatch(location, sha256, download.sha256)
        download.path.replace(target)
    return target
