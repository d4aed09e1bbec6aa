"""What a disk image says of itself, read here and not by qemu: what is not safe to open is refused.

Opening a QCOW2 that names an external data file makes qemu open that file (CVE-2024-4467), and a wrong guess of the
format can do the same. So the declared format counts, and a file, or a disk in a file, that is recognisably
something else is refused.
"""

import os
import struct
from typing import BinaryIO

from clients.errors import CloudError
from config.image import SourceFormat
from dynamic_providers.rbd_image import partitions, signatures

SECTOR = 512
LARGEST_VIRTUAL_SIZE = 8 << 40

# QEMU's docs/interop/qcow2.txt: magic, version, backing_file_offset, backing_file_size, cluster_bits, size,
# crypt_method; from version 3 on, incompatible_features stands at byte 72.
QCOW2_HEADER = struct.Struct(">4sIQIIQI")
QCOW2_FEATURES = struct.Struct(">Q")
QCOW2_FEATURES_AT = 72
QCOW2_FEATURE_CORRUPT = 1 << 1
QCOW2_FEATURE_EXTERNAL_DATA = 1 << 2
QCOW2_VERSIONS = (2, 3)


def virtual_size(file: BinaryIO, declared: SourceFormat, called: str) -> int:
    """The size in bytes of the disk in FILE, which is declared to be DECLARED; whole sectors.

    Raises:
        CloudError: it is something else, or not safely or wholly importable; CALLED is how the sentence begins.
    """
    head, tail = signatures.ends(file.fileno())
    length = os.fstat(file.fileno()).st_size
    refuse_foreign(head, tail, declared, called)
    size = _qcow2_size(head, called) if declared == "qcow2" else length
    if not 0 < size <= LARGEST_VIRTUAL_SIZE:
        raise CloudError(
            f"{called} says its disk has {size} bytes; 1 to {LARGEST_VIRTUAL_SIZE} (8 TiB) can be imported."
        )
    return -(-size // SECTOR) * SECTOR


def refuse_foreign(head: bytes, tail: bytes, declared: SourceFormat, called: str) -> None:
    """Refuse a file that is not DECLARED but recognisably something else, by its beginning and its end.

    Raises:
        CloudError: it is; CALLED is how the sentence begins.
    """
    found = signatures.recognised(head, tail)
    if found == signatures.QCOW:
        raise CloudError(f"{called} is QCOW version 1, which is not imported: {found.remedy}.")
    if found and (declared == "raw" or found != signatures.QCOW2):
        raise CloudError(f"{called} is declared {declared} but is {found.name}: {found.remedy}.")


def refuse_wrong_disk(head: bytes, tail: bytes, size: int, declared: SourceFormat, called: str) -> None:
    """Refuse a decoded disk of SIZE bytes that is no disk or was cut off, by its beginning and its end."""
    if declared == "qcow2" and (found := signatures.recognised(head, tail)):
        raise CloudError(
            f"{called} is QCOW2, and what it holds is no disk but {found.name}: a file was converted that "
            "was taken for RAW. Convert the original with its right format; or get it back "
            f"(`qemu-img convert -f qcow2 -O raw`), and {found.remedy}."
        )
    if claimed := partitions.claimed(head):
        table, needed = claimed
        if needed > size:
            raise CloudError(
                f"{called} is cut off: its partition table ({table}) is of a disk of at least {needed} bytes, "
                f"and its disk has {size}. Fetch or build it anew."
            )


def _qcow2_size(head: bytes, called: str) -> int:
    if not head.startswith(signatures.QCOW_MAGIC) or len(head) < QCOW2_FEATURES_AT:
        raise CloudError(
            f"{called} is not QCOW2: it does not begin with a QCOW2 header. Declare `source_format: raw` if "
            "it is a RAW disk."
        )
    _, version, backing_at, _, _, size, crypt = QCOW2_HEADER.unpack_from(head)
    features = 0
    if version > QCOW2_VERSIONS[0] and len(head) >= QCOW2_FEATURES_AT + QCOW2_FEATURES.size:
        (features,) = QCOW2_FEATURES.unpack_from(head, QCOW2_FEATURES_AT)
    refusals = {
        f"is QCOW2 version {version}; 2 and 3 are known": version not in QCOW2_VERSIONS,
        "names a backing file; flatten it first (qemu-img convert)": backing_at != 0,
        "names an external data file; flatten it first (qemu-img convert)": bool(
            features & QCOW2_FEATURE_EXTERNAL_DATA
        ),
        "is encrypted; Glance and Nova could not read it": crypt != 0,
        "is marked corrupt; repair it first (qemu-img check -r)": bool(features & QCOW2_FEATURE_CORRUPT),
    }
    for refusal, applies in refusals.items():
        if applies:
            raise CloudError(f"{called} {refusal}.")
    return int(size)
