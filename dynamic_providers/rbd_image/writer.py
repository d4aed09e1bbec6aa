"""Writes a disk image into an RBD image: only its data, in parallel, with no RAW file in between.

Pieces are read in order into a bounded number of buffers, which librbd sends from where they are. On the way checksums are
taken, and where it is wanted the SHA-512 of the whole RAW disk (holes are zeros).
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import partial
from typing import Self

import rbd

from clients import ceph
from clients.progress import Progress, waiting
from config.image import Hash, Image
from dynamic_providers.rbd_image import pool_capacity, reading, store, verify
from dynamic_providers.rbd_image.decoder import OBJECT
from dynamic_providers.rbd_image.reading import Source

IN_FLIGHT = 16  # writes given to librbd and not yet acknowledged
BUFFERS = IN_FLIGHT + 4  # of 4 MiB: one is filled while others are written, some wait to be hashed
REPORT_EVERY_S = 0.5
ZEROS = bytes(OBJECT)
GRAIN = 64 << 10  # zeros are left out in blocks of this size
ZERO_GRAIN = bytes(GRAIN)

MOST_DISK_OF_DATA = 4  # times its data a disk may be large and still be hashed by itself


def is_hashed(wanted: Hash, source: Source) -> bool:
    """Whether the SHA-512 of the RAW disk is computed: by itself only where most of it is not a hash of zeros."""
    return wanted == "sha512" or (wanted == "auto" and source.virtual_size <= MOST_DISK_OF_DATA * source.data)


def write(
    source: Source,
    target: rbd.Image,
    pool: ceph.Pool,
    image: Image,
    go_on: Callable[[], None] = lambda: None,
) -> str | None:
    """Copy the data of ``source`` into ``target``, an image of ``pool``, flush it, take its snapshot, and check it.

    The snapshot waits for the monitors, the check for the OSDs: they go on side by side. Until the check agrees
    nothing may count the snapshot as an image; `store.seal` is what makes it one.

    ``target`` is emptied first: an earlier, interrupted call may have had another source than the declared one. ``go_on``
    is called at each piece, and raises where the rest is not worth writing.

    Returns:
        The SHA-512 of the whole RAW disk in hex, if ``image`` wants it.

    Raises:
        CloudError: the source cannot be read or decoded, the pool has no room for it, or what is stored is not
            what was written.
        rbd.Error: Ceph refuses a write.
    """
    written, what = verify.Written(), image.name
    hashing = _RawDigest() if is_hashed(image.hash, source) else nullcontext()
    with reading.data(source, what) as data, hashing as digest:
        pool_capacity.refuse_if_too_small(pool, target, data.total, what)
        with waiting(f"{what}: emptying its RBD image"):
            store.make_empty(target, source.virtual_size)
        _copy(data, _Sink(target, written), digest, what, go_on)
        sha512 = digest.finish(source.virtual_size) if digest else None
        with ceph.beside(partial(store.take_snapshot, target), "Ceph has taken no snapshot"):
            verify.check(written, target, pool, what)
        return digest.result(sha512, source.virtual_size, what) if digest and sha512 else None


def _copy(
    data: reading.Data, sink: "_Sink", digest: "_RawDigest | None", what: str, go_on: Callable[[], None]
) -> None:
    with Progress(f"{what}: writing", data.total) as progress, sink:
        for piece in data.pieces:
            go_on()
            buffer = sink.buffer(piece.length)
            with memoryview(buffer.data) as view:
                piece.read_into(view)
            if digest:
                digest.update(piece.offset, buffer)
            sink.write(buffer, piece.offset)
            buffer.let_go()
            progress.advance(piece.length)


class _Buffer:
    """Memory of one piece, held by whoever made it; the last one to let go gives it back."""

    def __init__(self, length: int, give_back: "Callable[[_Buffer], None]") -> None:
        self.data = bytearray(length)
        self._give_back = give_back
        self._lock = threading.Lock()
        self._holders = 1

    def hold(self) -> None:
        with self._lock:
            self._holders += 1

    def let_go(self) -> None:
        with self._lock:
            self._holders -= 1
            free = self._holders == 0
        if free:
            self._give_back(self)


class _RawDigest:
    """SHA-512 of the whole disk from its data pieces in order; what lies between them is zeros.

    It has a thread of its own: on a sparse disk the zeros take longer than the data takes to import.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha512()
        self._at = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sha512")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def update(self, offset: int, buffer: _Buffer) -> None:
        buffer.hold()
        self._thread.submit(self._update, offset, buffer)

    def finish(self, size: int) -> Future[str]:
        """The hash in hex, once the rest of a disk of ``size`` bytes, which is zeros, is in it."""
        return self._thread.submit(self._finish, size)

    def result(self, finished: Future[str], size: int, what: str) -> str:
        """The hash of `finish`, with its progress if it takes long: of a sparse disk it is mostly zeros."""
        reported = self._at
        with Progress(f"{what}: hashing the rest of the disk", size - reported, brief=True) as progress:
            while not wait([finished], REPORT_EVERY_S).done:
                at = self._at
                progress.advance(at - reported)
                reported = at
        return finished.result()

    def _finish(self, size: int) -> str:
        self._zeros_until(size)
        return self._digest.hexdigest()

    def _update(self, offset: int, buffer: _Buffer) -> None:
        self._zeros_until(offset)
        self._digest.update(buffer.data)
        self._at = offset + len(buffer.data)
        buffer.let_go()

    def _zeros_until(self, offset: int) -> None:
        while self._at < offset:
            count = min(offset - self._at, OBJECT)
            self._digest.update(memoryview(ZEROS)[:count])
            self._at += count


class _Sink:
    """Asynchronous writes into an RBD image out of a bounded number of buffers; the first error is raised."""

    def __init__(self, target: rbd.Image, written: verify.Written) -> None:
        self._target = target
        self._sums = written
        self._room = threading.BoundedSemaphore(BUFFERS)
        self._whole: deque[_Buffer] = deque()  # buffers of OBJECT bytes that are not in use
        self._in_flight = threading.BoundedSemaphore(IN_FLIGHT)
        self._error = 0
        self._over = False

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: object, _: object) -> None:
        self._over = True
        if isinstance(error, ceph.UnansweredError):
            return
        for _slot in range(IN_FLIGHT):  # every write has been acknowledged, also after a failure
            _wait_for(self._in_flight)
        self._whole.clear()  # they and this refer to each other, and Python would find that out late
        if kind is None:
            self._raise_error()
            ceph.bounded(self._target.flush, "Ceph has acknowledged no write")

    def buffer(self, length: int) -> _Buffer:
        """Memory for a piece, as soon as there is room."""
        _wait_for(self._room)
        if length == OBJECT and self._whole:
            buffer = self._whole.popleft()
            buffer.hold()
            return buffer
        return _Buffer(length, self._take_back)

    def _take_back(self, buffer: _Buffer) -> None:
        if len(buffer.data) == OBJECT and not self._over:
            self._whole.append(buffer)
        self._room.release()

    def write(self, buffer: _Buffer, offset: int) -> None:
        """Write what is not zeros."""
        for start, end in _not_zeros(buffer.data):
            _wait_for(self._in_flight)
            if self._error:
                self._in_flight.release()
                self._raise_error()
            buffer.hold()
            whole = end - start == len(buffer.data)
            data = buffer.data if whole else bytes(memoryview(buffer.data)[start:end])
            self._sums.add(offset + start, data)
            self._target.aio_write(data, offset + start, partial(self._written, buffer, data))

    def _written(self, buffer: _Buffer, _sent_from: bytes | bytearray, completion: rbd.Completion) -> None:
        self._error = self._error or min(completion.get_return_value(), 0)
        buffer.let_go()
        self._in_flight.release()

    def _raise_error(self) -> None:
        if self._error:
            raise rbd.OSError(f"error {-self._error} writing", errno=-self._error)


def _wait_for(slot: threading.Semaphore) -> None:
    if not slot.acquire(timeout=ceph.PATIENCE_S):
        raise ceph.unanswered("Ceph has acknowledged no write")


def _not_zeros(data: bytearray) -> Iterator[tuple[int, int]]:
    """The parts of ``data`` that hold something, in blocks of GRAIN."""
    start = None
    for at in range(0, len(data), GRAIN):
        zeros = data.startswith(ZERO_GRAIN if at + GRAIN <= len(data) else bytes(len(data) - at), at)
        if zeros and start is not None:
            yield start, at
            start = None
        elif not zeros and start is None:
            start = at
    if start is not None:
        yield start, len(data)
