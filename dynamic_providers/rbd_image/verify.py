"""Whether RBD holds what was written into it: each object's data, summed before it went and where it lies.

The OSDs compute the second sum from what they read from their disks (`clients.ceph_checksum`).
"""

from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from crc32c import crc32c

from clients import ceph, ceph_checksum
from clients.errors import CloudError
from clients.progress import Progress
from dynamic_providers.rbd_image.decoder import OBJECT

if TYPE_CHECKING:
    import rbd

ZEROS = bytes(OBJECT)
AT_ONCE = 8
MOST_AHEAD = 1024


class Written:
    """The CRC-32C of what was written, an object each; 20 bytes an object, so 40 MiB for 8 TiB.

    Data is added in the order of the disk. From an object's first byte of data to its last, what was not
    added is zeros.
    """

    def __init__(self) -> None:
        self._starts = array("Q")
        self._lengths = array("Q")
        self._sums = array("I")

    def add(self, offset: int, data: bytes | bytearray) -> None:
        """Count ``data`` in, which lies inside one object."""
        if self._starts and self._starts[-1] // OBJECT == offset // OBJECT:
            gap = offset - self._starts[-1] - self._lengths[-1]
            zeros = memoryview(ZEROS)[:gap]
            self._sums[-1] = crc32c(data, crc32c(zeros, self._sums[-1]))
            self._lengths[-1] += gap + len(data)
        else:
            self._starts.append(offset)
            self._lengths.append(len(data))
            self._sums.append(crc32c(data))

    @property
    def total(self) -> int:
        """Bytes that the sums cover."""
        return sum(self._lengths)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Offset on the disk, length, sum."""
        return zip(self._starts, self._lengths, self._sums, strict=True)


def check(written: Written, image: "rbd.Image", pool: ceph.Pool, what: str) -> None:
    """Compare what was written with what the OSDs hold; everything has been acknowledged by now.

    Raises:
        CloudError: an object differs, with where; or Ceph does not answer.
    """
    found = image.stat()
    prefix, size = found["block_name_prefix"], found["obj_size"]
    if size != OBJECT or image.stripe_unit() != size:
        raise CloudError(f"{what}: the RBD image has objects of {size} bytes or stripes; {OBJECT} is needed.")
    with (
        ceph_checksum.checksums(pool, image.data_pool_id()) as stored,
        Progress(f"{what}: reading back", written.total) as progress,
        ThreadPoolExecutor(AT_ONCE, thread_name_prefix="read-back") as threads,
    ):

        def differs(piece: tuple[int, int, int]) -> bool:
            offset, length, wanted = piece
            name = f"{prefix}.{offset // OBJECT:016x}"
            right = stored.crc32c(name, offset % OBJECT, length) == wanted
            progress.advance(length)
            return not right

        pieces = list(written)
        for start in range(0, len(pieces), MOST_AHEAD):
            some = pieces[start : start + MOST_AHEAD]
            for (offset, length, _), wrong in zip(some, threads.map(differs, some), strict=True):
                if wrong:
                    raise CloudError(
                        f"{what}: RBD does not hold what was written: the {length} bytes of the disk from "
                        f"{offset} differ (object {prefix}.{offset // OBJECT:016x} of pool {pool.name!r}). "
                        "Nothing was registered; look at the cluster's health (`ceph health detail`) and "
                        "run this again."
                    )
