"""Decompresses a source into an unnamed, sparse file, which is then inspected and read like any other.

gzip, xz, bzip2 and zstd, recognised by signature: one or several members, and nothing behind the last. The output of every
step and of the whole is bounded: a small file can expand until memory or a disk is full.
"""

from __future__ import annotations

import bz2
import lzma
import os
import shutil
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard

from clients.errors import CloudError
from clients.progress import Progress
from dynamic_providers.rbd_image import inspection, signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dynamic_providers.rbd_image.signatures import Kind

    Stream = lzma.LZMADecompressor | bz2.BZ2Decompressor | zlib._Decompress | zstandard.ZstdDecompressionObj  # noqa: SLF001 - its only name

PIECE = 8 << 10  # compressed bytes at a time: gzip makes at most 8 MiB of it, zstd at most 256 MiB
MOST_AT_ONCE = 1 << 20  # xz and bzip2 can be told how much to give
GRAIN = 64 << 10  # zeros are left out in blocks of this size
ZEROS = bytes(GRAIN)
SIGNATURE = 16  # bytes that tell the formats apart

XZ_MEMORY = 256 << 20  # `xz -9` needs 65 MiB
ZSTD_WINDOW = 128 << 20  # what `zstd -d` accepts by default
MOST_RATIO = 1000  # data (zeros not counted) per compressed byte; real disks stay below 100
ALWAYS_ALLOWED = 1 << 30  # bytes of data, whatever the ratio
LEFT_FREE = 16  # one part in so many of the free space stays free


@dataclass(frozen=True)
class Compression:
    """One of the formats.

    Attributes:
        name: of the format.
        kind: as `signatures` recognises it.
        start: makes the decompressor of one member.
        padding: a member may be followed by zeros, a multiple of so many; 0: by none.
    """

    name: str
    kind: Kind
    start: Callable[[], Stream]
    padding: int = 0


COMPRESSIONS = (
    Compression("gzip", signatures.GZIP, lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), padding=1),
    Compression("xz", signatures.XZ, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY), padding=4),
    Compression("bzip2", signatures.BZIP2, bz2.BZ2Decompressor),
    Compression(
        "zstd",
        signatures.ZSTD,
        lambda: zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj(),
    ),
)
# What the libraries say where a member needs more memory than it gets.
_TOO_MUCH_MEMORY = {
    "Memory usage limit exceeded": f"it needs more than {XZ_MEMORY >> 20} MiB of memory. Compress it with a smaller "
    "dictionary (`xz -9` is small enough)",
    "Frame requires too much memory": f"its window is larger than {ZSTD_WINDOW >> 20} MiB. Compress it with "
    "`--long=27` or less",
}


class _BrokenError(Exception):
    """The file breaks a rule of its format; the text says which."""


def compression_of(file: BinaryIO) -> Compression | None:
    """How FILE is compressed; None where it is not, or in a way that is not read here."""
    return _by_signature(file.fileno(), 0)


@contextmanager
def decompressed(
    file: BinaryIO,
    compression: Compression,
    *,
    folder: Path,
    location: str,
    what: str,
    look: Callable[[bytes], None],
    go_on: Callable[[], None],
) -> Iterator[BinaryIO]:
    """Yield what is in FILE, as an unnamed file with holes for its zeros.

    Args:
        file: the compressed file, whose digest was checked.
        compression: of the file.
        folder: on the filesystem that the unnamed file takes its room from.
        location: where the file is from, for error sentences.
        what: how progress lines begin.
        look: called with the first bytes that come out; raises if they are not the beginning of a disk.
        go_on: called now and then; raises if nobody needs the result any more.

    Raises:
        CloudError: the file breaks off, is damaged, or expands beyond a limit.
    """
    length = os.fstat(file.fileno()).st_size
    with (
        _unnamed(folder, location) as target,
        Progress(f"{what}: decompressing", length) as progress,
    ):
        sparse = _Sparse(target, _most_data(length, folder), folder)
        head, read = bytearray(), 0
        try:
            for at, data in _outputs(file.fileno(), compression):
                go_on()
                if len(head) < signatures.HEAD:
                    head += data[: signatures.HEAD - len(head)]
                    if len(head) == signatures.HEAD:
                        look(bytes(head))
                sparse.add(data)
                progress.advance(at - read)
                read = at
            sparse.finish()
        except _BrokenError as error:
            raise CloudError(
                f"source {location!r} cannot be decompressed ({compression.name}): {error}."
            ) from error
        yield target


def _by_signature(fd: int, at: int) -> Compression | None:
    found = signatures.recognised(os.pread(fd, SIGNATURE, at), b"")
    return next((compression for compression in COMPRESSIONS if compression.kind == found), None)


def _outputs(fd: int, compression: Compression) -> Iterator[tuple[int, bytes]]:
    """What comes out, a bounded part at a time, each with how much of the file was read for it."""
    at, length = 0, os.fstat(fd).st_size
    while at < length:
        if _by_signature(fd, at) != compression:
            raise _BrokenError(
                f"its data ends at byte {at}, and {length - at} bytes of something else follow"
            )
        stream = compression.start()
        while not stream.eof:
            piece = os.pread(fd, PIECE, at)
            if not piece:
                raise _BrokenError(f"it is cut off at byte {length}. Fetch or build it anew")
            at += len(piece)
            for data in _made_of(piece, stream):
                yield at, data
        at = _after_padding(fd, at - len(stream.unused_data), compression)


def _made_of(piece: bytes, stream: Stream) -> Iterator[bytes]:
    try:
        if isinstance(stream, lzma.LZMADecompressor | bz2.BZ2Decompressor):
            yield stream.decompress(piece, MOST_AT_ONCE)
            while not (stream.eof or stream.needs_input):
                yield stream.decompress(b"", MOST_AT_ONCE)
        else:
            yield stream.decompress(piece)
    except (zlib.error, lzma.LZMAError, OSError, zstandard.ZstdError) as error:  # OSError: bz2's
        message = str(error)
        known = (sentence for words, sentence in _TOO_MUCH_MEMORY.items() if words in message)
        raise _BrokenError(next(known, f"{message}. It is damaged: fetch or build it anew")) from error


def _after_padding(fd: int, at: int, compression: Compression) -> int:
    """Where the next member would begin."""
    if not compression.padding:
        return at
    end = at
    while piece := os.pread(fd, PIECE, end):
        rest = piece.lstrip(b"\0")
        end += len(piece) - len(rest)
        if rest:
            break
    if (end - at) % compression.padding:
        raise _BrokenError(
            f"{end - at} zeros follow its data at byte {at}; a multiple of {compression.padding} may"
        )
    return end


def _most_data(length: int, folder: Path) -> tuple[int, str]:
    """How many bytes of data may come out of a file of LENGTH, and the sentence where there are more."""
    by_ratio = max(ALWAYS_ALLOWED, MOST_RATIO * length)
    free = shutil.disk_usage(folder).free
    by_room = free - free // LEFT_FREE
    if by_ratio <= by_room:
        return by_ratio, (
            f"it has {length} bytes and expands to more than {by_ratio} bytes of data, which no real disk does"
        )
    return by_room, (
        f"its data takes more than {by_room} bytes, and {folder} has {free} free. Make room, or let XDG_CACHE_HOME name "
        "a larger disk"
    )


def _unnamed(folder: Path, location: str) -> BinaryIO:
    """A file that is gone when it is closed, however this process ends."""
    try:
        return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))
    except OSError as error:
        raise CloudError(
            f"source {location!r} cannot be decompressed into {folder}: {error.strerror}."
        ) from error


class _Sparse:
    """A file that is written from its beginning to its end, with holes for zeros, up to a limit of data."""

    def __init__(self, file: BinaryIO, most: tuple[int, str], folder: Path) -> None:
        self._file = file
        self._left, self._sentence = most
        self._folder = folder
        self._size = 0

    def add(self, data: bytes) -> None:
        """Append DATA."""
        if self._size + len(data) > inspection.LARGEST_VIRTUAL_SIZE:
            raise _BrokenError(
                f"its disk has more than {inspection.LARGEST_VIRTUAL_SIZE} bytes (8 TiB), the most that can be imported"
            )
        at = 0
        while at < len(data):
            count = min(len(data) - at, GRAIN - self._size % GRAIN)
            if not data.startswith(ZEROS[:count], at):
                self._write(data[at : at + count])
            at += count
            self._size += count

    def _write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise _BrokenError(self._sentence)
        try:
            self._file.seek(self._size)
            self._file.write(data)
        except OSError as error:
            raise _BrokenError(f"its data cannot be kept in {self._folder}: {error.strerror}") from error

    def finish(self) -> None:
        """Give the file its size: what comes last may be a hole."""
        self._file.flush()
        self._file.truncate(self._size)
