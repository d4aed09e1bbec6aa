"""A small QCOW2 whose tables name one compressed cluster again and again: many GiB to decode."""

import struct
import zlib
from pathlib import Path

from dynamic_providers.rbd_image.decoder import COMPRESSED, ENTRY, HEADER

CLUSTER = 1 << 16
COVERED = CLUSTER // ENTRY * CLUSTER  # bytes of the disk that one table of the second level maps


def hostile_qcow2(path: Path, gib: int) -> Path:
    """Writes it, of a disk that is GIB large; every cluster of it decodes to zeros and an `x`."""
    tables = (gib << 30) // COVERED
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -12)
    data = squeezer.compress(bytes(CLUSTER - 1) + b"x") + squeezer.flush()
    first = HEADER.pack(b"QFI\xfb", 3, 0, 0, 16, gib << 30, 0, tables, CLUSTER).ljust(72, b"\0")
    header = first + struct.pack(">QQQII", 0, 0, 0, 4, 104)
    assert tables * ENTRY <= CLUSTER
    level_2, stored = 2 * CLUSTER, 3 * CLUSTER
    sectors = (len(data) - 1) // 512
    entry = COMPRESSED | sectors << (62 - 8) | stored
    parts = (
        header,
        struct.pack(">Q", level_2) * tables,
        struct.pack(">Q", entry) * (CLUSTER // ENTRY),
        data,
    )
    path.write_bytes(b"".join(part.ljust(CLUSTER, b"\0") for part in parts))
    return path
