"""Reads the tables of a QCOW2 file and says where its data is; a program of its own, started by `reading`.

It alone interprets what a source's author wrote, in a process whose memory its parent has limited; it needs
the standard library and the decompressors, nothing of this project. Its arguments are the descriptors of
the file and of memory it shares with its parent, how many slots of ``OBJECT`` bytes that memory has, and, where not
the whole disk is wanted, from and to where it is.

It writes records to standard output. Without slots it only looks the tables through: ``LOOKED`` says up to which
offset every table and cluster lies inside the file, ``TOTAL`` the ``length`` of all data. With slots, in the order of
the disk, ``PLAIN``: these bytes of the disk stand as
they are at that place of the file. ``DECODED``: they stand in that slot, which is taken until its number is
sent back on standard input, as one byte. ``END``. ``BROKEN``: ``length`` bytes of UTF-8 follow, saying why.
What no record names is zeros.

The format: QEMU's docs/interop/qcow2.txt. Each rule that a file breaks here ends the decoding.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import zstandard
from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

OBJECT = 4 << 20  # a record never crosses a boundary of this size, RBD's default object
RECORD = struct.Struct("<BQQQ")  # kind, offset on the disk, length, place in the file or number of the slot
TOTAL, PLAIN, DECODED, END, BROKEN, LOOKED = range(6)
LOOKED_EVERY = 1 << 36  # bytes of the disk between two of its records

SECTOR = 512
HEADER = struct.Struct(">4sIQIIQIIQ")  # as far as l1_table_offset
FEATURES = struct.Struct(">Q")
REFCOUNTS = struct.Struct(">QI")  # place and clusters of the table of reference counts
REFCOUNTS_AT, FEATURES_AT, COMPRESSION_AT, VERSION_2_LENGTH = 48, 72, 104, 72
MAGIC = b"QFI\xfb"
FEATURE_COMPRESSION, FEATURE_EXTENDED_L2 = 1 << 3, 1 << 4
# Bit 0: reference counts may be stale, which no reader needs.
HARMLESS_FEATURES = 1 << 0 | FEATURE_COMPRESSION
CLUSTER_BITS = range(9, 22)
LARGEST_L1 = 32 << 20  # bytes; QEMU's own limit
HOST_OFFSET = 0x00FF_FFFF_FFFF_FE00
COMPRESSED, ZERO = 1 << 62, 1 << 0
ENTRY = 8
SCAN = 512  # bytes of a table that are skipped at once when they are zeros
NO_ENTRIES, ENTRIES = bytes(SCAN), f">{SCAN // ENTRY}Q"
READ_TOGETHER = 2  # compressed clusters are read at once if at most this many times their bytes lies between
THREADS = min(4, len(os.sched_getaffinity(0)))
WINDOW_BITS = -12  # of zlib in QCOW2: raw deflate
LARGEST_WINDOW = 8 << 20  # of zstd; the largest cluster has 2 MiB

_of_thread = threading.local()

Ranges = Sequence[tuple[int, int]]
"""Parts of a disk, from and to."""


class BrokenError(Exception):
    """The file breaks a rule of its format; the text is for a person."""


class Cluster(NamedTuple):
    """A cluster that holds data.

    Attributes:
        offset: on the disk.
        place: in the file.
        stored: bytes it takes there when compressed, at most; 0 when it stands there as it is.
    """

    offset: int
    place: int
    stored: int


@dataclass(frozen=True)
class Qcow2:
    """An open QCOW2 file whose header has been understood; sizes in bytes."""

    fd: int
    size: int
    length: int
    cluster: int
    version: int
    l1_place: int
    l1_entries: int
    decompress: Callable[[memoryview, int], bytes]

    @property
    def covered(self) -> int:
        """Bytes of the disk that one table of the second level maps."""
        return self.cluster // ENTRY * self.cluster


def read(fd: int, place: int, count: int) -> bytes:
    """Return ``count`` bytes of the file from ``place``; fewer only where it ends."""
    parts = []
    while count and (part := os.pread(fd, count, place)):
        parts.append(part)
        place, count = place + len(part), count - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def opened(fd: int) -> Qcow2:
    """Read the header.

    Raises:
        BrokenError: it is none, or asks for what this does not know.
    """
    head = read(fd, 0, COMPRESSION_AT + ENTRY)
    if len(head) < VERSION_2_LENGTH or head[:4] != MAGIC:
        raise BrokenError("it has no QCOW2 header")
    _, version, backing, _, bits, size, encryption, l1_entries, l1_place = HEADER.unpack_from(head)
    features = FEATURES.unpack_from(head, FEATURES_AT)[0] if version > 2 and len(head) >= 80 else 0  # noqa: PLR2004 - where version 3 has them
    if version not in (2, 3) or backing or encryption or features & ~HARMLESS_FEATURES:
        what = "extended_l2=on" if features & FEATURE_EXTENDED_L2 else f"features {features:#x}"
        raise BrokenError(
            f"it is QCOW2 version {version} with {what}, which is not read here; `qemu-img convert` makes a plain one"
        )
    if bits not in CLUSTER_BITS:
        raise BrokenError(f"its clusters have 2^{bits} bytes; 2^9 to 2^21 are allowed")
    method = head[COMPRESSION_AT] if features & FEATURE_COMPRESSION and len(head) > COMPRESSION_AT else 0
    if method not in DECOMPRESSORS:
        raise BrokenError(f"its compression type is {method}; 0 (zlib) and 1 (zstd) are known")
    found = Qcow2(
        fd, size, os.fstat(fd).st_size, 1 << bits, version, l1_place, l1_entries, DECOMPRESSORS[method]
    )
    if (place := REFCOUNTS.unpack_from(head, REFCOUNTS_AT)[0]) >= found.length:
        raise BrokenError(
            f"its reference counts at {place} lie beyond its end at {found.length}: it is cut off"
        )
    needed = -(-size // found.covered)
    if not needed <= l1_entries <= LARGEST_L1 // ENTRY:
        raise BrokenError(f"its first table has {l1_entries} entries; the disk needs {needed}")
    return found


def clusters(disk: Qcow2, within: Ranges = ()) -> Iterator[Cluster]:
    """Every cluster that holds data, in the order of the disk; of those ranges of it, if there are any.

    Raises:
        BrokenError: a table or a cluster is not where the file says.
    """
    for offset, entry in _entries(disk, within):
        if (not within or _meets(within, offset, disk.cluster)) and (found := _cluster(disk, entry, offset)):
            yield found


def total(disk: Qcow2, looked: Callable[[int], None]) -> int:
    """How many bytes of the disk may hold data, from the tables alone; LOOKED is told how far this is.

    Raises:
        BrokenError: a table or a cluster is not where the file says.
    """
    found = last_call = 0
    for cluster in clusters(disk):
        found += disk.cluster
        if cluster.offset - last_call >= LOOKED_EVERY:
            last_call = cluster.offset
            looked(last_call)
    return found


def _meets(ranges: Ranges, offset: int, length: int) -> bool:
    return any(start < offset + length and offset < end for start, end in ranges)


def _entries(disk: Qcow2, within: Ranges) -> Iterator[tuple[int, int]]:
    """What the second level says, but for what it leaves out: offset on the disk, entry."""
    needed = -(-disk.size // disk.covered)
    pointers = struct.iter_unpack(">Q", _table(disk, disk.l1_place, needed * ENTRY))
    for number, (pointer,) in enumerate(pointers):
        if not (place := pointer & HOST_OFFSET):
            continue
        if within and not _meets(within, number * disk.covered, disk.covered):
            continue
        if place % disk.cluster:
            raise BrokenError(f"a table of its second level stands at {place}, which is no cluster")
        table = _table(disk, place, disk.cluster)
        for at in range(0, disk.cluster, SCAN):
            if (part := table[at : at + SCAN]) != NO_ENTRIES:
                offset = number * disk.covered + at // ENTRY * disk.cluster
                for entry in struct.unpack(ENTRIES, part):
                    if entry and offset < disk.size:
                        yield offset, entry
                    offset += disk.cluster


def _table(disk: Qcow2, place: int, count: int) -> bytes:
    if place + count > disk.length or len(found := read(disk.fd, place, count)) < count:
        raise BrokenError(f"a table at {place} lies beyond its end at {disk.length}: it is cut off")
    return found


def _cluster(disk: Qcow2, entry: int, offset: int) -> Cluster | None:
    if entry & COMPRESSED:
        split = 62 - (disk.cluster.bit_length() - 9)
        place = entry & ((1 << split) - 1)
        sectors = (entry & (COMPRESSED - 1)) >> split
        stored = (sectors + 1) * SECTOR - place % SECTOR
    else:
        place, stored = entry & HOST_OFFSET, 0
        if not place or (disk.version > 2 and entry & ZERO):  # noqa: PLR2004 - version 2 has no zero clusters
            return None
        if place % disk.cluster:
            raise BrokenError(f"the cluster of disk offset {offset} stands at {place}, which is no cluster")
    needed = 1 if stored else min(disk.cluster, disk.size - offset)
    if place + needed > disk.length:
        raise BrokenError(
            f"the data of disk offset {offset} lies beyond its end at {disk.length}: it is cut off"
        )
    return Cluster(offset, place, stored)


def _unpack_zstd(data: memoryview, size: int) -> bytes:
    # max_output_size is not obeyed where the frame tells its size; that is looked at first.
    if zstandard.frame_content_size(data) > size:
        raise zstandard.ZstdError("its frame is larger than its cluster")
    if not hasattr(_of_thread, "zstd"):
        _of_thread.zstd = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
    unpacked: bytes = _of_thread.zstd.decompress(data, max_output_size=size)
    return unpacked


DECOMPRESSORS: dict[int, Callable[[memoryview, int], bytes]] = {
    0: lambda data, size: isal_zlib.decompressobj(WINDOW_BITS).decompress(data, size),
    1: _unpack_zstd,
}


def pieces(disk: Qcow2, within: Ranges = ()) -> Iterator[list[Cluster]]:
    """The clusters, those together that are neighbours inside one object."""
    piece: list[Cluster] = []
    for cluster in clusters(disk, within):
        if piece and (cluster.offset != piece[-1].offset + disk.cluster or cluster.offset % OBJECT == 0):
            yield piece
            piece = []
        piece.append(cluster)
    if piece:
        yield piece


def runs(disk: Qcow2, piece: list[Cluster]) -> Iterator[tuple[int, int, int]]:
    """Where plain clusters stand: offset on the disk, length, place in the file; neighbours are one run."""
    start = piece[0]
    end = start.offset
    for cluster in piece:
        if cluster.place - start.place != cluster.offset - start.offset:
            yield start.offset, end - start.offset, start.place
            start = cluster
        end = min(cluster.offset + disk.cluster, disk.size)
    yield start.offset, end - start.offset, start.place


def decode(disk: Qcow2, piece: list[Cluster], slot: memoryview) -> int:
    """Write a piece's bytes into ``slot`` and return how many they are.

    Raises:
        BrokenError: a cluster cannot be decompressed, or has another size.
    """
    packed = [cluster for cluster in piece if cluster.stored]
    first = min(cluster.place for cluster in packed)
    last = max(cluster.place + cluster.stored for cluster in packed)
    together = last - first <= READ_TOGETHER * sum(cluster.stored for cluster in packed)
    data = memoryview(read(disk.fd, first, last - first)) if together else None
    at = 0
    for cluster in piece:
        count = min(disk.cluster, disk.size - cluster.offset)
        if cluster.stored:
            at_place = cluster.place - first
            found = (
                data[at_place : at_place + cluster.stored]
                if data is not None
                else memoryview(read(disk.fd, cluster.place, cluster.stored))
            )
            slot[at : at + count] = _unpacked(disk, found, cluster)[:count]
        elif os.preadv(disk.fd, [slot[at : at + count]], cluster.place) != count:
            raise BrokenError(f"the data of disk offset {cluster.offset} is cut off")
        at += count
    return at


def _unpacked(disk: Qcow2, data: memoryview, cluster: Cluster) -> memoryview:
    try:
        found = disk.decompress(data, disk.cluster)
    except (isal_zlib.IsalError, zstandard.ZstdError) as error:  # type: ignore[misc] # its stubs say instance
        raise BrokenError(
            f"the compressed data of disk offset {cluster.offset} cannot be read: {error}"
        ) from error
    if len(found) != disk.cluster:
        raise BrokenError(f"the compressed data of disk offset {cluster.offset} is too short")
    return memoryview(found)


class _Parent:
    """The records to the parent, in order, and the slots it gives back."""

    def __init__(self, shared: mmap.mmap, slots: int) -> None:
        self._shared = memoryview(shared)
        self._free = deque(range(slots))
        self._waiting: deque[tuple[int, int, Future[int]]] = deque()

    def send(self, kind: int, offset: int, length: int, where: int) -> None:
        """Send a record, after those that are still being decoded."""
        while self._waiting:
            self._send_next()
        _send(kind, offset, length, where)

    def decode(self, threads: ThreadPoolExecutor, disk: Qcow2, piece: list[Cluster]) -> None:
        """Have a piece decoded into the next free slot."""
        while len(self._waiting) > THREADS:
            self._send_next()
        while not self._free:
            while self._waiting:
                self._send_next()
            given = os.read(0, len(self._shared) // OBJECT)
            if not given:
                raise SystemExit(0)  # the parent wants no more
            self._free.extend(given)
        slot = self._free.popleft()
        into = self._shared[slot * OBJECT : (slot + 1) * OBJECT]
        self._waiting.append((piece[0].offset, slot, threads.submit(decode, disk, piece, into)))

    def _send_next(self) -> None:
        offset, slot, future = self._waiting.popleft()
        _send(DECODED, offset, future.result(), slot)


def main() -> None:
    """Decode the file; a broken one is told to the parent, any other failure is a traceback for a report."""
    fd, shared, slots, *ranges = map(int, sys.argv[1:])
    within = list(zip(ranges[::2], ranges[1::2], strict=True))
    try:
        disk = opened(fd)
        if slots:
            _decode_all(disk, within, _Parent(mmap.mmap(shared, slots * OBJECT), slots))
        else:
            found = total(disk, lambda offset: _send(LOOKED, offset, 0, 0))
            _send(TOTAL, 0, found, 0)
    except BrokenError as error:
        message = str(error).encode()
        os.write(1, RECORD.pack(BROKEN, 0, len(message), 0) + message)


def _decode_all(disk: Qcow2, within: Ranges, parent: _Parent) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        for piece in pieces(disk, within):
            if any(cluster.stored for cluster in piece):
                parent.decode(threads, disk, piece)
            else:
                for offset, length, place in runs(disk, piece):
                    parent.send(PLAIN, offset, length, place)
        parent.send(END, 0, 0, 0)


def _send(kind: int, offset: int, length: int, where: int) -> None:
    os.write(1, RECORD.pack(kind, offset, length, where))


if __name__ == "__main__":
    main()
