"""What a file, or a disk, is by its own bytes: a table of signatures and what to do with each kind.

Every format that qemu-img reads, compressors, archives and optical media; no filesystems and boot sectors. From QEMU's
`bdrv_probe`, the formats' specifications and file(1)'s magic; docs/adr/0030 says why no library does this.
"""

import os
import re
import struct
from typing import NamedTuple

HEAD = 64 << 10
"""Bytes of the beginning that the table looks at."""
TAIL = 4 << 10
"""Bytes of the end that the table looks at."""


class Kind(NamedTuple):
    """What was found.

    Attributes:
        name: as it is called.
        remedy: what makes an importable source of it.
    """

    name: str
    remedy: str


def _image(name: str, driver: str) -> Kind:
    return Kind(
        name, f"convert it (`qemu-img convert -f {driver} -O qcow2`), and declare `source_format: qcow2`"
    )


def _archive(name: str) -> Kind:
    return Kind(name, "take the disk image out of it, and declare that")


def _compressed(name: str, command: str) -> Kind:
    return Kind(name, f"decompress it (`{command}`), and declare what comes out")


QCOW2 = Kind("QCOW2", "declare `source_format: qcow2`")
QCOW = _image("QCOW version 1", "qcow")
VMDK = _image("VMDK", "vmdk")
VHD = _image("VHD", "vpc")
VMA = Kind("a Proxmox backup (VMA)", "extract it (`vma extract`), and declare the disk")
RBD_EXPORT = Kind("an export of `rbd export`", "export it with `--export-format 1`, which writes a RAW disk")
PARTCLONE = Kind("a partclone image", "restore it to a RAW disk (`partclone.restore`), and declare that")
OPTICAL = Kind(
    "an ISO image, a medium and no disk", "declare a disk image; a system is installed from an ISO first"
)
GZIP = _compressed("compressed with gzip", "gzip -d")
XZ = _compressed("compressed with xz", "xz -d")
BZIP2 = _compressed("compressed with bzip2", "bzip2 -d")
ZSTD = _compressed("compressed with zstd", "zstd -d")
LZ4 = _compressed("compressed with lz4", "lz4 -d")
LZMA = _compressed("compressed with lzma", "xz --format=lzma -d")
TEXT = Kind("a page of HTML or XML", "declare the address of the file itself")
TAR = _archive("a tar archive (an OVA is one)")
ZIP = _archive("a zip archive")
CPIO = _archive("a cpio archive")

# From the beginning of the file: where, what, kind.
_AT_START = (
    (0, b"KDMV", VMDK),
    (0, b"COWD", VMDK),
    (64, b"\x7f\x10\xda\xbe", _image("VDI", "vdi")),
    (0, b"conectix", VHD),
    (0, b"vhdxfile", _image("VHDX", "vhdx")),
    (0, b"WithoutFreeSpace", _image("a Parallels disk", "parallels")),
    (0, b"WithouFreSpacExt", _image("a Parallels disk", "parallels")),
    (0, b"QED\0", _image("QED", "qed")),
    (0, b"Bochs Virtual HD Image\0", _image("a Bochs disk", "bochs")),
    (0, b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop", _image("a cloop image", "cloop")),
    (0, b"LUKS\xba\xbe", Kind("encrypted with LUKS", "declare a disk that is not encrypted")),
    (0, b"\x3a\xff\x26\xed", Kind("an Android sparse image", "convert it (`simg2img`), and declare the RAW disk")),
    (0, b"MSWIM\0\0\0", _archive("a Windows image (WIM)")),
    (0, b"EVF\x09\r\n\xff\0", Kind("an EnCase image", "convert it (`ewfexport -f raw`), and declare the RAW disk")),
    (0, b"VMA\0", VMA),
    (0, b"rbd image v2\n", RBD_EXPORT),
    (0, b"rbd diff v1\n", RBD_EXPORT),
    (0, b"rbd diff v2\n", RBD_EXPORT),
    (0, b"partclone-image", PARTCLONE),
    (0, b"\xfd7zXZ\0", XZ),
    (0, b"\x1f\x8b\x08", GZIP),
    (0, b"\x28\xb5\x2f\xfd", ZSTD),
    (0, b"\x04\x22\x4d\x18", LZ4),
    (0, b"\x02\x21\x4c\x18", LZ4),
    (0, b"LZIP", _compressed("compressed with lzip", "lzip -d")),
    (0, b"\x89LZO\0\r\n\x1a\n", _compressed("compressed with lzop", "lzop -d")),
    (0, b"LRZI", _compressed("compressed with lrzip", "lrzip -d")),
    (0, b"\xff\x06\0\0sNaPpY", _compressed("compressed with snappy", "snzip -d")),
    (0, b"\x1f\x9d", _compressed("compressed with compress", "gzip -d")),
    (0, b"PK\x03\x04", ZIP),
    (0, b"PK\x05\x06", ZIP),
    (0, b"PK\x07\x08", ZIP),
    (0, b"7z\xbc\xaf\x27\x1c", _archive("a 7-Zip archive")),
    (0, b"Rar!\x1a\x07", _archive("a RAR archive")),
    (0, b"070701", CPIO),
    (0, b"070702", CPIO),
    (0, b"070707", CPIO),
    (0, b"!<arch>\n", _archive("an ar archive (a Debian package is one)")),
    (0, b"\xed\xab\xee\xdb", _archive("an RPM package")),
    (0, b"MSCF\0\0\0\0", _archive("a cabinet archive")),
    (0, b"xar!", _archive("a xar archive")),
    (0, b"version https://git-lfs.github.com/", Kind("a pointer of Git LFS", "fetch the file (`git lfs pull`)")),
    (257, b"ustar", TAR),
    (0x8001, b"CD001", OPTICAL),
    (0x8001, b"BEA01", OPTICAL),
    (0, b"\0" + b"\xff" * 10 + b"\0", OPTICAL),  # raw sectors of a CD
)  # fmt: skip

# QEMU takes a text that begins with comments, blank lines and a version for one (vmdk_probe).
_VMDK_DESCRIPTOR = re.compile(rb"\A(?:#[^\n]*\n|[ \t]*\r?\n)*(?:# Disk DescriptorFile|version=[123]\r?\n)")
_BZIP2 = re.compile(rb"\ABZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_ZSTD_SKIPPABLE = re.compile(rb"\A[\x50-\x5f]\x2a\x4d\x18")
_PAGE = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|html)", re.IGNORECASE)
_PATTERNS = (
    (_VMDK_DESCRIPTOR, VMDK),
    (_BZIP2, BZIP2),
    (_ZSTD_SKIPPABLE, ZSTD),
    (_PAGE, TEXT),
)

_QCOW_HEADER = struct.Struct(">4sI")
QCOW_MAGIC = b"QFI\xfb"

# Footers: QEMU looks for both at the last sector and, as some tools wrote 511 bytes, a little before.
_DMG_FOOTER = b"koly\0\0\0\x04\0\0\x02\0"
_VHD_FOOTER = b"conectix"
_FOOTER = 512

# An .lzma file has no magic: its properties, the size of its dictionary, its size or "unknown".
_LZMA_HEADER = struct.Struct("<BIQ")
_LZMA_PROPERTIES = 0x5D  # what every encoder writes: lc=3, lp=0, pb=2
_LZMA_UNKNOWN = (1 << 64) - 1
_LZMA_LARGEST = 1 << 48
_LZMA_DICTIONARIES = frozenset(size for n in range(12, 31) for size in (1 << n, 3 << (n - 1)))

_TAR_HEADER, _TAR_SUM_AT = 512, slice(148, 156)


def ends(fd: int) -> tuple[bytes, bytes]:
    """The beginning and the end of a file, as `recognised` takes them."""
    length = os.fstat(fd).st_size
    return os.pread(fd, HEAD, 0), os.pread(fd, TAIL, max(0, length - TAIL))


def recognised(head: bytes, tail: bytes) -> Kind | None:
    """What these bytes are of, or None: HEAD at the beginning, TAIL at the end, of a file or a disk."""
    found = [kind for at, magic, kind in _AT_START if head.startswith(magic, at)]
    found += [kind for pattern, kind in _PATTERNS if pattern.match(head)]
    if head.startswith(QCOW_MAGIC) and len(head) >= _QCOW_HEADER.size:
        found.append(QCOW if _QCOW_HEADER.unpack_from(head)[1] == 1 else QCOW2)
    found += [kind for is_one, kind in ((_is_lzma, LZMA), (_is_old_tar, TAR)) if is_one(head)]
    return found[0] if found else _by_footer(tail)


def _by_footer(tail: bytes) -> Kind | None:
    footer = tail[-_FOOTER:]
    if footer.startswith(_VHD_FOOTER) or footer[1:].startswith(_VHD_FOOTER):
        return Kind("a VHD of fixed size", VHD.remedy)
    return _image("a DMG", "dmg") if _DMG_FOOTER in tail[1 - 2 * _FOOTER :] else None


def _is_lzma(head: bytes) -> bool:
    if len(head) < _LZMA_HEADER.size:
        return False
    properties, dictionary, size = _LZMA_HEADER.unpack_from(head)
    return (
        properties == _LZMA_PROPERTIES
        and dictionary in _LZMA_DICTIONARIES
        and (size == _LZMA_UNKNOWN or 0 < size < _LZMA_LARGEST)
    )


def _is_old_tar(head: bytes) -> bool:
    """Whether the first block is a tar header from before POSIX gave it a magic: its sum is right."""
    block = head[:_TAR_HEADER]
    if len(block) < _TAR_HEADER or not block[0]:
        return False
    try:
        stored = int(block[_TAR_SUM_AT].strip(b" \0"), 8)
    except ValueError:
        return False
    return stored == sum(block) - sum(block[_TAR_SUM_AT]) + 8 * ord(" ")
