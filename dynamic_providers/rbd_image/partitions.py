"""Whether a disk is as large as its partition table says: one that is not was cut off."""

import struct

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


def claimed(head: bytes) -> tuple[str, int] | None:
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
