"""Writes a disk image into an RBD image: only its data, in parallel, with no RAW file in between.

qemu-nbd decodes the source and tells which extents hold data; several threads read them in pieces that
never cross an RBD object, and librbd writes them asynchronously. Pieces are taken in order, so that the
SHA-512 of the whole RAW disk (holes are zeros) comes out of the same pass.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Self

import nbd
import rbd

from clients.errors import CloudError
from clients.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dynamic_providers.rbd_image.source import Source

OBJECT = 4 << 20  # RBD's default object size; a piece never crosses one
READERS = 4
READ_AHEAD = 8  # pieces read and not yet taken
IN_FLIGHT = 16  # writes given to librbd and not yet acknowledged
ZEROS = bytes(OBJECT)
START_TIMEOUT_S = 20
LONGEST_EXTENT = 1 << 30  # asked for at once; the protocol's lengths have 32 bits
DECODER_MEMORY = 2 << 30  # address space of qemu-nbd, so that a hostile file cannot eat the machine

Piece = tuple[int, int]  # offset, length


def write(source: Source, target: rbd.Image, what: str, hash_raw: bool) -> str | None:
    """Copy the data of ``source`` into ``target`` and flush it.

    ``target`` must be as large as the source's disk and read as zeros wherever it was not written by an
    earlier, interrupted call with the same source.

    Returns:
        The SHA-512 of the whole RAW disk in hex, if ``hash_raw``.

    Raises:
        CloudError: the source breaks off or cannot be decoded, or Ceph refuses a write.
    """
    with _served(source) as (socket, server):
        try:
            with _reader(socket) as first:
                pieces = list(_pieces(first, source.virtual_size))
            with _RawDigest() if hash_raw else nullcontext() as digest:
                _copy(pieces, socket, _Sink(target), digest, what)
                return digest.finish(source.virtual_size) if digest else None
        except nbd.Error as error:
            raise CloudError(
                f"{what}: the source breaks off: {_last_words(server) or error.string}"
            ) from error


@contextmanager
def _served(source: Source) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve the source over NBD on a private socket; the server never outlives this process."""
    with tempfile.TemporaryDirectory(prefix="rbd-image-") as folder:
        socket = str(Path(folder) / "nbd.sock")
        command = [
            *("setpriv", "--pdeathsig", "KILL", "prlimit", f"--as={DECODER_MEMORY}"),
            *("qemu-nbd", "--read-only", f"--format={source.format}", f"--shared={READERS + 1}"),
            *("--persistent", f"--socket={socket}", f"/dev/fd/{source.fd}"),
        ]
        with subprocess.Popen(
            command, pass_fds=[source.fd], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as server:
            try:
                deadline = time.monotonic() + START_TIMEOUT_S
                while not Path(socket).exists():
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise CloudError(f"the source cannot be opened: {_last_words(server)}")
                    time.sleep(0.01)
                yield socket, server
            finally:
                server.kill()


def _last_words(server: subprocess.Popen[bytes]) -> str:
    server.kill()
    said = server.communicate()[1].decode(errors="replace").strip().splitlines()
    return said[-1] if said else ""


@contextmanager
def _reader(socket: str) -> Iterator[nbd.NBD]:
    handle = nbd.NBD()
    handle.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
    handle.connect_unix(socket)
    try:
        yield handle
    finally:
        handle.shutdown()


def _pieces(reader: nbd.NBD, size: int) -> Iterator[Piece]:
    """Every piece that may hold data, in order, cut at RBD objects."""
    offset = 0
    while offset < size:
        extents: list[int] = []

        def collect(
            _context: str, _offset: int, entries: list[int], _error: int, into: list[int] = extents
        ) -> int:
            into.extend(entries)
            return 0

        reader.block_status(min(LONGEST_EXTENT, size - offset), offset, collect)
        for length, flags in zip(extents[::2], extents[1::2], strict=True):
            end = min(offset + length, size)
            while not flags & nbd.STATE_ZERO and offset < end:
                cut = min(end, (offset // OBJECT + 1) * OBJECT)
                yield offset, cut - offset
                offset = cut
            offset = end


def _copy(pieces: list[Piece], socket: str, sink: _Sink, digest: _RawDigest | None, what: str) -> None:
    with (
        _Readers(socket) as readers,
        Progress(f"{what}: writing", sum(length for _, length in pieces)) as progress,
        sink,
    ):
        ahead: deque[tuple[int, Future[bytearray]]] = deque()
        for piece in [*pieces, None]:
            if piece:
                ahead.append((piece[0], readers.read(piece)))
            while ahead and (piece is None or len(ahead) >= READ_AHEAD):
                offset, future = ahead.popleft()
                data = future.result()
                if digest:
                    digest.update(offset, data)
                if data != ZEROS[: len(data)]:
                    sink.write(data, offset)
                progress.advance(len(data))


class _Readers:
    """Threads that read pieces, each over a connection of its own."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._local = threading.local()
        self._open = ExitStack()
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="nbd-reader")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._open.close()

    def read(self, piece: Piece) -> Future[bytearray]:
        return self._threads.submit(self._read, piece)

    def _read(self, piece: Piece) -> bytearray:
        if not hasattr(self._local, "reader"):
            self._local.reader = self._open.enter_context(_reader(self._socket))
        data: bytearray = self._local.reader.pread(piece[1], piece[0])
        return data


class _RawDigest:
    """SHA-512 of the whole disk from its data pieces in order; what lies between them is zeros.

    It has a thread of its own: on a sparse disk the zeros take longer than the data takes to import.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha512()
        self._at = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sha512")
        self._room = threading.BoundedSemaphore(READ_AHEAD)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def update(self, offset: int, data: bytearray) -> None:
        self._room.acquire()
        self._thread.submit(self._update, offset, data)

    def finish(self, size: int) -> str:
        self._thread.submit(self._zeros_until, size).result()
        return self._digest.hexdigest()

    def _update(self, offset: int, data: bytearray) -> None:
        self._zeros_until(offset)
        self._digest.update(data)
        self._at = offset + len(data)
        self._room.release()

    def _zeros_until(self, offset: int) -> None:
        while self._at < offset:
            count = min(offset - self._at, OBJECT)
            self._digest.update(memoryview(ZEROS)[:count])
            self._at += count


class _Sink:
    """Asynchronous writes into an RBD image, a bounded number in flight; the first error is raised."""

    def __init__(self, target: rbd.Image) -> None:
        self._target = target
        self._room = threading.BoundedSemaphore(IN_FLIGHT)
        self._error = 0

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, *_: object) -> None:
        for _slot in range(IN_FLIGHT):  # every write has been acknowledged, also after a failure
            self._room.acquire()
        if kind is None:
            self._raise_error()
            self._target.flush()

    def write(self, data: bytearray, offset: int) -> None:
        self._room.acquire()
        if self._error:
            self._room.release()
            self._raise_error()
        self._target.aio_write(bytes(data), offset, self._written)

    def _written(self, completion: rbd.Completion) -> None:
        self._error = self._error or min(completion.get_return_value(), 0)
        self._room.release()

    def _raise_error(self) -> None:
        if self._error:
            raise rbd.OSError(f"error {-self._error} writing", errno=-self._error)
