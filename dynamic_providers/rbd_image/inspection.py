"""What a disk image's own header says, read here and not by qemu: what is not safe to open is refused.

Opening a QCOW2 that names an external data file makes qemu open that file (CVE-2024-4467), and a wrong guess of the
format can do the same.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Literal

from clients.errors import CloudError

Format = Literal["qcow2", "raw"]

SECTOR = 512
LARGEST_VIRTUAL_SIZE = 8 << 40

# QEMU's docs/interop/qcow2.txt: magic, version, backing_file_offset, backing_file_size, cluster_bits, size,
# crypt_method; from version 3 on, incompatible_features stands at byte 72.
QCOW2_MAGIC = b"QFI\xfb"
QCOW2_HEADER = struct.Struct(">4sIQIIQI")
QCOW2_FEATURES = struct.Struct(">Q")
QCOW2_FEATURES_AT = 72
QCOW2_FEATURE_CORRUPT = 1 << 1
QCOW2_FEATURE_EXTERNAL_DATA = 1 << 2
QCOW2_VERSIONS = (2, 3)

FOREIGN_MAGICS = {b"KDMV": "VMDK", b"# Disk DescriptorFile": "VMDK", b"vhdxfile": "VHDX", b"conectix": "VHD"}
ISO_MAGIC, ISO_MAGIC_AT = b"CD001", 0x8001

# UEFI 2.10, 5.3.2: signature and, at byte 32, the sector of the backup header: the disk's last.
GPT_SIGNATURE = b"EFI PART"
GPT_BACKUP = struct.Struct("<Q")
GPT_BACKUP_AT = 32
SECTOR_SIZES = (512, 4096)


def virtual_size(file: BinaryIO, declared: Format, location: str) -> int:
    """The size in bytes of the disk in FILE, which is declared to be DECLARED; whole sectors.

    Raises:
        CloudError: it is something else, or not safely or wholly importable; LOCATION is what it is called.
    """
    file.seek(0)
    head = file.read(ISO_MAGIC_AT + len(ISO_MAGIC))
    length = os.fstat(file.fileno()).st_size
    for magic, foreign in FOREIGN_MAGICS.items():
        if head.startswith(magic):
            raise CloudError(f"source {location!r} is a {foreign} file, not {declared}: convert it first.")
    if head[ISO_MAGIC_AT:] == ISO_MAGIC:
        raise CloudError(f"source {location!r} is an ISO image, not {declared}.")
    if declared == "qcow2":
        size = _qcow2_size(head, location)
    elif head.startswith(QCOW2_MAGIC):
        raise CloudError(f"source {location!r} is declared raw but is QCOW2: set its format to qcow2.")
    else:
        size = length
        _refuse_cut_off_partitions(head, length, location)
    if not 0 < size <= LARGEST_VIRTUAL_SIZE:
        raise CloudError(
            f"source {location!r} says its disk has {size} bytes; "
            f"1 to {LARGEST_VIRTUAL_SIZE} (8 TiB) can be imported."
        )
    return -(-size // SECTOR) * SECTOR


def _qcow2_size(head: bytes, location: str) -> int:
    if not head.startswith(QCOW2_MAGIC) or len(head) < QCOW2_FEATURES_AT:
        raise CloudError(f"source {location!r} is not QCOW2: it does not begin with a QCOW2 header.")
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
            raise CloudError(f"source {location!r} {refusal}.")
    return int(size)


def _refuse_cut_off_partitions(head: bytes, length: int, location: str) -> None:
    for sector in SECTOR_SIZES:
        if head[sector : sector + len(GPT_SIGNATURE)] != GPT_SIGNATURE:
            continue
        (backup,) = GPT_BACKUP.unpack_from(head, sector + GPT_BACKUP_AT)
        claimed = (backup + 1) * sector
        if claimed > length:
            raise CloudError(
                f"source {location!r} is cut off: its partition table (GPT) is of a disk of {claimed} bytes, and the file "
                f"has {length}. Fetch or build it anew."
            )
