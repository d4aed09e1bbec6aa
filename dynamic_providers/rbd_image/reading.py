"""The data of a source, piece by piece in the order of its disk; what no piece names is zeros.

A QCOW2 is interpreted by a decoder in a process of its own (`decoder`), of which only what it can prove is believed.
"""

import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clients.errors import CloudError
from clients.progress import Progress, waiting
from config.image import SourceFormat
from dynamic_providers.rbd_image import signatures
from dynamic_providers.rbd_image.decoder import (
    BROKEN,
    DECODED,
    END,
    LOOKED,
    OBJECT,
    PLAIN,
    RECORD,
    TOTAL,
    Ranges,
)
from dynamic_providers.rbd_image.signatures import HEAD, TAIL


@dataclass(frozen=True)
class Source:
    """A file, held open: what is imported is what is hashed, whatever happens to the path.

    Attributes:
        fd: descriptor of the file, decompressed if it was compressed; valid inside the ``with`` that gave this object.
        format: of the file.
        virtual_size: of the disk in it, in bytes.
        data: how many bytes of the disk may hold data.
    """

    fd: int
    format: SourceFormat
    virtual_size: int
    data: int = 0


SLOTS = 8  # pieces decoded and not yet taken
DECODER = Path(__file__).with_name("decoder.py")
# A hostile file cannot eat the machine: address space, and processor time in proportion to the disk.
DECODER_MEMORY = 2 << 30
DECODER_CPU_S = 60
DECODER_SPEED = 8 << 20  # bytes of the disk a second and core, far below what any honest file needs
OUT_OF_MEMORY = ("MemoryError", "can't start new thread", "Cannot allocate memory", "allocation")
LAST_WORDS_S = 10.0


class UnreadableError(CloudError):
    """The file is damaged, or breaks a rule of its format."""


@dataclass(frozen=True)
class Piece:
    """Bytes of the disk that may hold data; never across an RBD object.

    Attributes:
        offset: on the disk.
        length: in bytes.
        read_into: puts them into a buffer of that length; called once, before the next piece is taken.
    """

    offset: int
    length: int
    read_into: Callable[[memoryview], None]


@dataclass(frozen=True)
class Data:
    """All pieces of a source in order, and how many bytes they are at most."""

    total: int
    pieces: Iterator[Piece]


@contextmanager
def data(source: Source, what: str) -> Iterator[Data]:
    """Yield the data of ``source``; its decoder, if it needs one, does not outlive the ``with``."""
    if source.format == "raw":
        found = list(extents(source.fd))
        yield Data(source.data, _raw_pieces(source.fd, found, what))
        return
    with _decoder(source) as decoder:
        yield Data(source.data, decoder.pieces(what))


def survey(source: Source, what: str) -> int:
    """How many bytes of the disk may hold data; every table and cluster lies inside the file then."""
    if source.format == "raw":
        with waiting(f"{what}: looking for its holes"):
            return sum(end - start for start, end in extents(source.fd))
    with _decoder(source, slots=0) as decoder:
        return decoder.total(what)


def ends(source: Source, what: str) -> tuple[bytes, bytes]:
    """The beginning and the end of the disk, as `signatures.recognised` takes them."""
    size = source.virtual_size
    if source.format == "raw":
        return signatures.ends(source.fd)
    head, tail = bytearray(min(HEAD, size)), bytearray(min(TAIL, size))
    wanted = ((0, head), (size - len(tail), tail))
    with _decoder(source, [(start, start + len(part)) for start, part in wanted]) as decoder:
        for piece in decoder.pieces(what):
            buffer = bytearray(piece.length)
            piece.read_into(memoryview(buffer))
            for start, part in wanted:
                low = max(start, piece.offset)
                high = min(start + len(part), piece.offset + piece.length)
                if low < high:
                    part[low - start : high - start] = buffer[low - piece.offset : high - piece.offset]
    return bytes(head), bytes(tail)


def extents(fd: int) -> Iterator[tuple[int, int]]:
    """Where a file holds data, from and to; what lies between are holes."""
    at, size = 0, os.fstat(fd).st_size
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, at


def _raw_pieces(fd: int, found: list[tuple[int, int]], what: str) -> Iterator[Piece]:
    for start, end in found:
        offset = start
        while offset < end:
            cut = min(end, (offset // OBJECT + 1) * OBJECT)
            yield Piece(offset, cut - offset, _from_file(fd, offset, what))
            offset = cut


def _from_file(fd: int, place: int, what: str) -> Callable[[memoryview], None]:
    def read_into(buffer: memoryview) -> None:
        taken = 0
        while taken < len(buffer):
            count = os.preadv(fd, [buffer[taken:]], place + taken)
            if count == 0:
                raise _unreadable(what, "it is shorter than it was")
            taken += count

    return read_into


def _unreadable(what: str, why: str) -> UnreadableError:
    return UnreadableError(f"{what}: the source cannot be read: {why}.")


@contextmanager
def _decoder(source: Source, within: Ranges = (), slots: int = SLOTS) -> "Iterator[_Decoder]":
    """Start a decoder of the whole disk, or of these ranges of it; without slots only of its tables."""
    shared = os.memfd_create("rbd-image")
    seconds = _processor_time(source)
    try:
        os.ftruncate(shared, SLOTS * OBJECT)
        command = [
            *("setpriv", "--pdeathsig", "KILL", "prlimit", f"--as={DECODER_MEMORY}", "--core=0"),
            f"--cpu={seconds}:{seconds + 1}",
            *(sys.executable, "-I", str(DECODER), str(source.fd), str(shared), str(slots)),
            *(str(bound) for part in within for bound in part),
        ]
        with (
            mmap.mmap(shared, SLOTS * OBJECT) as memory,
            memoryview(memory) as pieces,
            subprocess.Popen(
                command,
                pass_fds=[source.fd, shared],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process,
        ):
            try:
                yield _Decoder(process, source, pieces)
            finally:
                process.kill()
    finally:
        os.close(shared)


def _processor_time(source: Source) -> int:
    """The seconds of processor time that decoding a source may take."""
    return DECODER_CPU_S + source.virtual_size // DECODER_SPEED


class _Decoder:
    """The parent's side of `decoder`; every number it sends is checked."""

    def __init__(self, process: subprocess.Popen[bytes], source: Source, slots: memoryview) -> None:
        self._process = process
        self._source = source
        self._slots = slots
        self._at = 0

    def total(self, what: str) -> int:
        """How many bytes there are at most."""
        with Progress(f"{what}: reading its tables", self._source.virtual_size, brief=True) as progress:
            at = 0
            while (record := self._record(what))[0] == LOOKED:
                progress.advance(record[1] - at)
                at = record[1]
        kind, _, length, _ = record
        if kind != TOTAL:
            raise _unreadable(what, "its decoder does not tell its total")
        return length

    def pieces(self, what: str) -> Iterator[Piece]:
        """The pieces, as the decoder names them."""
        while True:
            kind, offset, length, where = self._record(what)
            if kind == END:
                return
            end = offset + length
            last = -(-self._source.virtual_size // OBJECT) * OBJECT
            if not (self._at <= offset < end <= min((offset // OBJECT + 1) * OBJECT, last)):
                raise _unreadable(what, f"its decoder gives {length} bytes at {offset} out of order")
            length = min(length, self._source.virtual_size - offset)
            self._at = end
            if kind == PLAIN:
                yield Piece(offset, length, _from_file(self._source.fd, where, what))
            elif kind == DECODED and where < SLOTS:
                yield Piece(offset, length, self._from_slot(where))
            else:
                raise _unreadable(what, f"its decoder sends a record of kind {kind}")

    def _record(self, what: str) -> tuple[int, int, int, int]:
        assert self._process.stdout
        found = self._process.stdout.read(RECORD.size)
        if len(found) < RECORD.size:
            message = self._last_words()
            raise _unreadable(what, message or "its decoder was ended")
        kind, offset, length, where = RECORD.unpack(found)
        if kind == BROKEN:
            raise _unreadable(what, self._process.stdout.read(min(length, 4096)).decode(errors="replace"))
        return kind, offset, length, where

    def _from_slot(self, slot: int) -> Callable[[memoryview], None]:
        def read_into(buffer: memoryview) -> None:
            buffer[:] = self._slots[slot * OBJECT : slot * OBJECT + len(buffer)]
            assert self._process.stdin
            with suppress(BrokenPipeError):  # it is done, or its next record will be missing
                os.write(self._process.stdin.fileno(), bytes([slot]))

        return read_into

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS_S)
        self._process.kill()
        assert self._process.stderr
        if self._process.wait() == -signal.SIGXCPU:
            return (
                f"decoding it takes more than {_processor_time(self._source)} s of processor time, the most that a disk "
                f"of {self._source.virtual_size} bytes is given"
            )
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else ""
        if any(word in last for word in OUT_OF_MEMORY):
            return (
                f"decoding it takes more than {DECODER_MEMORY >> 20} MiB of memory, the most that it is given"
            )
        return last
