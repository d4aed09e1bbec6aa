"""Where an image comes from: a file or something fetched, verified against its SHA-256 and held open.

Size, header and tables are checked before it is hashed. A file that is not compressed may be read meanwhile, and what was
read is what was declared once `Opening.verify` has passed; nothing is decompressed before it is verified.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from clients import regular_file
from clients.errors import CloudError
from clients.progress import Progress, waiting
from config.image import Image, SourceFormat
from dynamic_providers.rbd_image import decompression, fetch, inspection, reading
from dynamic_providers.rbd_image.reading import Source

# Two changes of a file within one tick of the kernel's clock, at most 10 ms, have the same time.
TICK_S = 0.02
HASHED_AT_ONCE = 1 << 20  # stays in the processor's cache between being read and being hashed


class _NotNeededError(Exception):
    """Nobody waits for the hash any more."""


@dataclass(frozen=True)
class Opening:
    """A source on its way.

    Attributes:
        surveyed: gives what size, header and tables tell, before the source is hashed; None where it has to be fetched
            or decompressed for that.
        readable: gives it as soon as it can be read. It may still be hashed then, unless it was fetched or compressed.
        refuse_mismatch: raises where it is known by now that its digest is not the declared one.
        verify: waits for the digest, and raises where it is not the declared one or the file was changed since it was
            opened. What was read before is what was declared only if this passes afterwards.
    """

    surveyed: Callable[[], Source | None]
    readable: Callable[[], Source]
    refuse_mismatch: Callable[[], None]
    verify: Callable[[], None]


@contextmanager
def opening(image: Image, sha256: str, *, ahead: bool) -> Iterator[Opening]:
    """Yield the source of IMAGE, held open until the ``with`` ends.

    With ``ahead`` a file is hashed in a thread from now on, otherwise from when something is asked; what is wrong with it
    is raised where it is asked for. What has to be fetched is fetched only when it is to be read. A download is kept
    under the user's cache until the ``with`` ends well, so that an interrupted import does not fetch it again.
    """
    over = threading.Event()
    with ExitStack() as held, ThreadPoolExecutor(1, thread_name_prefix="sha256") as beside:
        found = _OnItsWay(image, sha256, held, over, beside)
        try:
            if ahead and not found.is_remote:
                found.start()
            yield Opening(found.surveyed, found.readable, found.refuse_mismatch, found.verify)
        finally:
            over.set()


@dataclass(frozen=True)
class _Steps:
    """What is done with a file beside its import, one after the other."""

    survey: Future[Source | None]
    digest: Future[None]
    decompression: Future[Source | None]


@dataclass
class _OnItsWay:
    """The steps from a location to a verified source; what is opened is held by HELD."""

    image: Image
    sha256: str
    held: ExitStack
    over: threading.Event
    beside: ThreadPoolExecutor
    file: BinaryIO | None = None
    before: list[int] = field(default_factory=list)
    steps: _Steps | None = None

    @property
    def is_remote(self) -> bool:
        return fetch.is_remote(self.image.source)

    def start(self) -> _Steps:
        """Begin with the steps, unless they have begun."""
        if self.steps is None:
            if self.is_remote:
                path = _download(self.image.source, self.sha256, self.image.name)
                self.held.push(partial(_remove_after_success, path))
                self.file = self.held.enter_context(path.open("rb"))
            later = self.beside.submit
            survey, digest = later(self._survey), later(self._hash)
            self.steps = _Steps(survey, digest, later(self._decompress, survey, digest))
        return self.steps

    def surveyed(self) -> Source | None:
        """What is known before anything is fetched, hashed or decompressed."""
        return None if self.is_remote else self.start().survey.result()

    def readable(self) -> Source:
        """The source, decompressed, and a whole disk as far as can be told."""
        if self.image.verify == "first":
            self.verify()
        called = f"source {self.image.source!r}"
        found = self.start().survey.result()
        if not found:
            self.verify()
            called += ", decompressed,"
            found = self.start().decompression.result()
            assert found
        try:
            refuse_wrong_disk(found, called, self.image.name)
        except CloudError:
            self.verify()  # that it is another file says more
            raise
        return found

    def refuse_mismatch(self) -> None:
        """Refuse what is known by now to be something else than what was declared."""
        if self.start().digest.done():
            self.verify()

    def verify(self) -> None:
        """Refuse what was read until now if it is not what was declared."""
        self.start().digest.result()
        self._refuse_if_changed()

    def _survey(self) -> Source | None:
        if self.file is None:
            self.file = self.held.enter_context(opened(self.image.source))
        self.before = _settled_stamp(self.file)
        if decompression.compression_of(self.file):
            return None
        called = f"source {self.image.source!r}"
        return surveyed(self.file, self.image.source_format, called, self.image.name)

    def _hash(self) -> None:
        if self.file and not self.is_remote:  # what is fetched is hashed on the way
            digest = hashed(self.file, f"{self.image.name}: verifying", self.over)
            if digest != self.sha256:
                self._refuse_if_changed()
                raise mismatch(self.image.source, self.sha256, digest)

    def _decompress(self, survey: Future[Source | None], digest: Future[None]) -> Source | None:
        if survey.exception() or survey.result() or digest.exception():
            return None
        called = f"source {self.image.source!r}, decompressed,"
        return surveyed(self._decompressed(called), self.image.source_format, called, self.image.name)

    def _refuse_if_changed(self) -> None:
        assert self.file
        if not self.is_remote and stamp(self.file) != self.before:  # a download is nobody else's
            raise CloudError(
                f"source {self.image.source!r} was changed while it was read: nothing was imported. Write it under another "
                "name, move it into place when it is whole, and run this again."
            )

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


def stamp(file: BinaryIO) -> list[int]:
    """What changes whenever the file does. The time of its last change (ctime) is the kernel's: nobody can set it back."""
    found = os.fstat(file.fileno())
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _settled_stamp(file: BinaryIO) -> list[int]:
    """The stamp, at a moment from which on each change gives it another."""
    if time.time_ns() - os.fstat(file.fileno()).st_ctime_ns < TICK_S * 10**9:
        time.sleep(TICK_S)
    return stamp(file)


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
