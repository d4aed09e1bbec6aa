"""Where an image comes from: a file or something fetched, verified against its SHA-256 and held open.

Size, header and tables are checked before it is hashed; nothing is decompressed or decoded before it is verified.
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
from config.image import Image, SourceFormat
from dynamic_providers.rbd_image import decompression, fetch, inspection, reading
from dynamic_providers.rbd_image.reading import Source

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
def opening(image: Image, sha256: str, *, ahead: bool) -> Iterator[Opening]:
    """Yield the source of IMAGE, held open until the ``with`` ends.

    With ``ahead`` a file is hashed in a thread from now on; what is wrong with it is raised where it is asked for.
    What has to be fetched is fetched only when it is asked for. A download is kept under the user's cache until the
    ``with`` ends well, so that an interrupted import does not fetch it again.
    """
    over = threading.Event()
    with ExitStack() as held, ThreadPoolExecutor(1, thread_name_prefix="sha256") as beside:
        found = _OnItsWay(image, sha256, held, over)
        try:
            if ahead and not fetch.is_remote(image.source):
                surveyed, verified = beside.submit(found.surveyed), beside.submit(found.verified)
                yield Opening(surveyed.result, verified.result)
            else:
                yield Opening(found.surveyed, found.verified)
        finally:
            over.set()


@dataclass
class _OnItsWay:
    """The steps from a location to a verified source; what is opened is held by HELD."""

    image: Image
    sha256: str
    held: ExitStack
    over: threading.Event
    file: BinaryIO | None = None
    found: Source | None = None

    def surveyed(self) -> Source | None:
        """What is known before anything is fetched, hashed or decompressed."""
        if self.file is None and not fetch.is_remote(self.image.source):
            self._survey(self.held.enter_context(opened(self.image.source)))
        return self.found

    def _survey(self, file: BinaryIO) -> None:
        self.file = file
        if not decompression.compression_of(file):
            self.found = surveyed(
                file, self.image.source_format, f"source {self.image.source!r}", self.image.name
            )

    def verified(self) -> Source:
        """The source with the declared digest, decompressed, and a whole disk as far as can be told."""
        image, called = self.image, f"source {self.image.source!r}"
        if fetch.is_remote(image.source):
            path = _download(image.source, self.sha256, image.name)
            self.held.push(partial(_remove_after_success, path))
            self._survey(self.held.enter_context(path.open("rb")))
        else:
            self.surveyed()
            assert self.file
            digest = hashed(self.file, f"{image.name}: verifying", self.over)
            if digest != self.sha256:
                raise mismatch(image.source, self.sha256, digest)
        if not self.found:
            called += ", decompressed,"
            self.found = surveyed(self._decompressed(called), image.source_format, called, image.name)
        refuse_wrong_disk(self.found, called, image.name)
        return self.found

    def _decompressed(self, called: str) -> BinaryIO:
        assert self.file
        compression = decompression.compression_of(self.file)
        assert compression
        disk = decompression.decompressed(
            self.file,
            compression,
            folder=cache(),
            location=self.image.source,
            what=self.image.name,
            look=lambda head: inspection.refuse_foreign(head, b"", self.image.source_format, called),
            go_on=partial(_refuse_if_over, self.over),
        )
        return self.held.enter_context(disk)


def _remove_after_success(path: Path, kind: type[BaseException] | None, *_: object) -> None:
    if kind is None:
        path.unlink(missing_ok=True)


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
