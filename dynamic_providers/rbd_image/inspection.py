"""What a disk image says of itself, read here and not by qemu: what is not safe to open is refused.

qemu opens the external data file that a QCOW2 names (CVE-2024-4467). The declared format counts, and whatever is
recognisably something else is refused.
"""

import os
import struct
from typing import BinaryIO

from clients.errors import CloudError
from config.image import SourceFormat
from dynamic_providers.rbd_image import signatures

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
    if claimed := claimed_by_partitions(head):
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


# UEFI 2.10, 5.3.2: signature and, at byte 32, the sector of the backup header: the disk's last.
GPT_SIGNATURE = b"EFI PART"
GPT_BACKUP = struct.Struct("<Q")
GPT_BACKUP_AT = 32
SECTOR_SIZES = (512, 4096)

# UEFI 2.10, 5.2.1: four records of status, CHS, type, CHS, first sector, sectors; then the signature.
MBR_RECORD = struct.Struct("<B3sB3sII")
MBR_RECORDS_AT, MBR_SIGNATURE_AT = 446, 510
MBR_SIGNATURE = b"\x55\xaa"
MBR_STATUS = frozenset({0x00, 0x80})
MBR_PROTECTIVE = 0xEE  # stands for a GPT, often with the largest size there is
# The boot sector of a filesystem has the same signature, and its own code where a table would be.
FILESYSTEMS = ((3, b"NTFS    "), (3, b"EXFAT   "), (54, b"FAT"), (82, b"FAT32"))


def claimed_by_partitions(head: bytes) -> tuple[str, int] | None:
    """The table's name and the bytes that the disk must have for it; None where HEAD has no table.

    A sector is taken for 512 bytes where the table does not tell: a disk of larger sectors needs even more.
    """
    for sector in SECTOR_SIZES:
        if head[sector : sector + len(GPT_SIGNATURE)] == GPT_SIGNATURE:
            (backup,) = GPT_BACKUP.unpack_from(head, sector + GPT_BACKUP_AT)
            return "GPT", (backup + 1) * sector
    if head[MBR_SIGNATURE_AT : MBR_SIGNATURE_AT + 2] != MBR_SIGNATURE or any(
        head.startswith(name, at) for at, name in FILESYSTEMS
    ):
        return None
    needed = 0
    for status, _, kind, _, first, count in MBR_RECORD.iter_unpack(head[MBR_RECORDS_AT:MBR_SIGNATURE_AT]):
        if status not in MBR_STATUS or (kind and not (first and count)):
            return None  # code, and no table
        if kind and kind != MBR_PROTECTIVE:
            needed = max(needed, (first + count) * SECTOR_SIZES[0])
    return ("MBR", needed) if needed else None
