"""What is no disk is refused, and what is one is not: real files of qemu-img and of compressors, no cloud."""

import bz2
import gzip
import hashlib
import io
import lzma
import random
import re
import struct
import subprocess
import tarfile
import zipfile

import pytest
import zstandard

from clients.errors import CloudError
from dynamic_providers.rbd_image import reading
from tests.verified_source import verified

MIB = 1 << 20
NOISE = random.Random(3).randbytes(MIB)  # noqa: S311 - the same bytes each time, no secret

# What `qemu-img --help` calls formats and are ways to a file, or a wrapper of one.
PROTOCOLS = {
    *("blkdebug", "blklogwrites", "blkverify", "compress", "copy-before-write", "copy-on-read", "file"),
    *("ftp", "ftps", "gluster", "host_cdrom", "host_device", "http", "https", "io_uring", "iscsi", "iser"),
    *("nbd", "nfs", "null-aio", "null-co", "nvme", "nvme-io_uring", "preallocate", "quorum", "raw", "rbd"),
    *("replication", "snapshot-access", "ssh", "throttle", "vvfat", "virtio-blk-vfio-pci"),
    *("virtio-blk-vhost-user", "virtio-blk-vhost-vdpa", "vhdx-log"),
}
MADE = {
    "qcow": ("qcow", ()),
    "qcow2": ("qcow2", ()),
    "QCOW2 of version 2": ("qcow2", ("-o", "compat=0.10")),
    "vdi": ("vdi", ()),
    "vhdx": ("vhdx", ()),
    "qed": ("qed", ()),
    "parallels": ("parallels", ()),
    "vpc": ("vpc", ()),
    "vpc of fixed size": ("vpc", ("-o", "subformat=fixed")),
    "vmdk": ("vmdk", ()),
    "vmdk's stream": ("vmdk", ("-o", "subformat=streamOptimized")),
    "vmdk's descriptor": ("vmdk", ("-o", "subformat=monolithicFlat")),
    "vmdk's extents": ("vmdk", ("-o", "subformat=twoGbMaxExtentSparse")),
}
NAMES = {
    "qcow": "QCOW version 1",
    "qcow2": "QCOW2",
    "vdi": "VDI",
    "vhdx": "VHDX",
    "qed": "QED",
    "parallels": "Parallels",
    "vpc": "VHD",
    "vmdk": "VMDK",
}
BY_HAND = {
    "luks": (b"LUKS\xba\xbe\0\2".ljust(4096, b"\0") + NOISE, "LUKS"),
    "bochs": (b"Bochs Virtual HD Image\0".ljust(512, b"\0") + NOISE, "Bochs"),
    "cloop": (
        b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n" + NOISE,
        "cloop",
    ),
    "dmg": (NOISE + struct.pack(">4sII", b"koly", 4, 512).ljust(512, b"\0"), "DMG"),
}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def opened(path, declared="raw"):
    with verified(str(path), sha256(path), declared, "test") as found:
        return found


def refused(path, declared="raw"):
    with pytest.raises(CloudError) as error:
        opened(path, declared)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def written(path, *parts):
    path.write_bytes(b"".join(parts))
    return path


def in_qcow2(path):
    """The file as the disk of a QCOW2, as a wrong `qemu-img convert -f raw` makes it."""
    made = path.with_name(f"{path.name}.qcow2")
    command = ["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", path, made]
    subprocess.run(command, check=True, timeout=60)
    return made


def made_by_qemu(folder, driver, options):
    raw, path = written(folder / "disk.raw", NOISE), folder / "foreign"
    command = ["qemu-img", "convert", "-f", "raw", "-O", driver, *options, raw, path]
    subprocess.run(command, check=True, timeout=60)
    return path


@pytest.mark.parametrize("kind", MADE)
def test_a_disk_of_each_format_that_qemu_writes_is_refused_where_it_is_declared_raw(tmp_path, kind):
    driver, options = MADE[kind]
    message = refused(made_by_qemu(tmp_path, driver, options))
    assert NAMES[driver] in message
    assert "source_format: qcow2" in message  # what makes an importable one of it


@pytest.mark.parametrize("kind", MADE)
def test_and_inside_a_qcow2_too(tmp_path, kind):
    driver, options = MADE[kind]
    message = refused(in_qcow2(made_by_qemu(tmp_path, driver, options)), "qcow2")
    assert NAMES[driver] in message
    assert "no disk" in message


@pytest.mark.parametrize("kind", BY_HAND)
def test_a_disk_of_each_format_that_qemu_only_reads_is_refused(tmp_path, kind):
    data, name = BY_HAND[kind]
    path = written(tmp_path / "foreign", data)
    assert name in refused(path)
    assert name in refused(path, "qcow2")
    assert name in refused(in_qcow2(path), "qcow2")


def test_no_format_of_qemu_is_left_out():
    done = subprocess.run(["qemu-img", "--help"], capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r"^Supported (?:image )?formats:\s+(.*(?:\n .*)*)", done.stdout, re.MULTILINE)
    assert found
    assert set(found[1].split()) - PROTOCOLS == {driver for driver, _ in MADE.values()} | set(BY_HAND)


def test_qcow_of_version_1_gets_one_sentence_whatever_is_declared(tmp_path):
    path = made_by_qemu(tmp_path, "qcow", ())
    for declared in ("raw", "qcow2"):
        message = refused(path, declared)
        assert "qemu-img convert -f qcow -O qcow2" in message
        assert "declared raw but is QCOW2" not in message


@pytest.mark.parametrize("before", [b"", b"# a comment\n\n", b"\n# Disk\n"])
def test_a_vmdk_descriptor_is_known_as_qemu_knows_it(tmp_path, before):
    assert "VMDK" in refused(written(tmp_path / "a", before, b"# Disk DescriptorFile\nversion=1\n"))
    assert "VMDK" in refused(written(tmp_path / "b", before, b"version=1\n"))


@pytest.mark.parametrize("length", [511, 512])
def test_a_vhd_of_fixed_size_is_known_by_its_footer_of_either_length(tmp_path, length):
    path = written(tmp_path / "disk.vhd", NOISE, b"conectix".ljust(length, b"\0"))
    assert "a VHD of fixed size" in refused(path)


def tar(folder, file_format):
    with tarfile.open(folder / "archive", "w", format=file_format) as archive:
        archive.add(written(folder / "disk.raw", NOISE), "disk.raw")
    return (folder / "archive").read_bytes()


def old_tar(folder):
    block = bytearray(tar(folder, tarfile.USTAR_FORMAT))
    block[257:512] = bytes(255)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


def zipped(_folder):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("disk.raw", NOISE)
    return buffer.getvalue()


def iso(magic):
    return lambda _folder: bytes(0x8001) + magic + NOISE


PACKED = {
    "lz4": (lambda _: b"\x04\x22\x4d\x18\x64\x40\xa7" + NOISE, "lz4"),
    "lz4, old": (lambda _: b"\x02\x21\x4c\x18" + NOISE, "lz4"),
    "lzma": (lambda _: lzma.compress(NOISE, lzma.FORMAT_ALONE), "lzma"),
    "lzma with a size": (lambda _: b"\x5d\0\0\x80\0" + struct.pack("<Q", MIB) + NOISE, "lzma"),
    "lzip": (lambda _: b"LZIP\x01\x0c" + NOISE, "lzip"),
    "lzop": (lambda _: b"\x89LZO\0\r\n\x1a\n" + NOISE, "lzop"),
    "compress": (lambda _: b"\x1f\x9d\x90" + NOISE, "compress"),
    "zip": (zipped, "zip"),
    "7z": (lambda _: b"7z\xbc\xaf\x27\x1c\0\4" + NOISE, "7-Zip"),
    "rar": (lambda _: b"Rar!\x1a\x07\x01\0" + NOISE, "RAR"),
    "tar": (lambda folder: tar(folder, tarfile.GNU_FORMAT), "tar"),
    "tar of POSIX": (lambda folder: tar(folder, tarfile.PAX_FORMAT), "tar"),
    "tar of old": (old_tar, "tar"),
    "cpio": (lambda _: b"070701" + NOISE, "cpio"),
    "iso": (iso(b"CD001"), "ISO"),
    "udf": (iso(b"BEA01"), "ISO"),
    "cd": (lambda _: b"\0" + b"\xff" * 10 + b"\0" + NOISE, "ISO"),
    "android": (lambda _: b"\x3a\xff\x26\xed\1\0" + NOISE, "Android"),
    "vma": (lambda _: b"VMA\0\0\0\0\1" + NOISE, "VMA"),
    "rbd": (lambda _: b"rbd image v2\n" + NOISE, "rbd export"),
    "wim": (lambda _: b"MSWIM\0\0\0" + NOISE, "WIM"),
    "lfs": (lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    "page": (lambda _: b"\n<!DOCTYPE HTML>\n<html>not found</html>\n", "HTML"),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_compressed_file_an_archive_or_a_medium_is_no_disk(tmp_path, kind):
    make, name = PACKED[kind]
    path = written(tmp_path / "packed", make(tmp_path))
    assert name in refused(path)
    assert name in refused(path, "qcow2")
    assert name in refused(in_qcow2(path), "qcow2")


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (lzma.compress, "xz"),
        (gzip.compress, "gzip"),
        (bz2.compress, "bzip2"),
        (zstandard.ZstdCompressor().compress, "zstd"),
    ],
)
def test_a_compressed_file_inside_a_qcow2_is_no_disk(tmp_path, pack, name):
    path = in_qcow2(written(tmp_path / "packed", pack(NOISE)))
    assert name in refused(path, "qcow2")


def gpt_of(length):
    return b"EFI PART" + bytes(24) + struct.pack("<Q", length // 512 - 1)


def mbr(*records, code=b""):
    table = b"".join(struct.pack("<B3sB3sII", *record) for record in records)
    return code.ljust(446, b"\0")[:446] + table.ljust(64, b"\0") + b"\x55\xaa"


LINUX = (0x80, b"", 0x83, b"", 2048, 16384 - 2048)  # up to 8 MiB


@pytest.mark.parametrize("declared", ["raw", "qcow2"])
@pytest.mark.parametrize(
    ("table", "name"),
    [
        (bytes(512) + gpt_of(64 * MIB), "GPT"),
        (mbr((0, b"", 0xEE, b"", 1, 0xFFFFFFFF)) + gpt_of(64 * MIB), "GPT"),
        (mbr((0x80, b"", 0x83, b"", 2048, 131072 - 2048)), "MBR"),
        (mbr(LINUX, (0, b"", 0x0F, b"", 16384, 114688)), "MBR"),
    ],
)
def test_a_partition_table_that_needs_64_mib_in_a_disk_of_8_is_refused(tmp_path, table, name, declared):
    path = written(tmp_path / "disk", table, bytes(8 * MIB - len(table)))
    message = refused(in_qcow2(path) if declared == "qcow2" else path, declared)
    assert f"({name}) is of a disk of at least {64 * MIB} bytes, and its disk has {8 * MIB}" in message


ODD = {
    "zeros": b"",
    "noise": NOISE,
    "ones": b"\xff" * MIB,
    "an MBR that fits": mbr(LINUX),
    "an MBR of no partition": mbr(),
    "a protective MBR of all there is": mbr((0, b"", 0xEE, b"", 1, 0xFFFFFFFF)) + gpt_of(8 * MIB),
    "a disk that was made larger": mbr((0, b"", 0xEE, b"", 1, 8191)) + gpt_of(4 * MIB),
    "FreeBSD's table of one, which is too large": mbr((0x80, b"", 0xA5, b"", 0, 50000)),
    "a boot sector whose code is no table": mbr(code=b"\xeb\x63\x90")[:446] + b"\x7fcode" * 12 + b"\0\0\0\0\x55\xaa",
    "NTFS": mbr((0, b"", 7, b"", 1, 1 << 31), code=b"\xeb\x52\x90NTFS    "),
    "FAT16": mbr((0, b"", 7, b"", 1, 1 << 31), code=(b"\xeb\x3c\x90mkfs.fat".ljust(54, b"\0") + b"FAT16   ")),
    "FAT32": mbr((0, b"", 7, b"", 1, 1 << 31), code=(b"\xeb\x58\x90mkfs.fat".ljust(82, b"\0") + b"FAT32   ")),
    "ext4": bytes(0x438) + b"\x53\xef",
    "XFS": b"XFSB\0\0\x10\0",
    "Btrfs": bytes(0x10040) + b"_BHRfS_M",
    "swap": bytes(4086) + b"SWAPSPACE2",
    "LVM": bytes(512) + b"LABELONE",
    "squashfs": b"hsqs\7\0\0\0",
    "EROFS": bytes(1024) + b"\xe2\xe1\xf5\xe0",
    "a boot sector that is a program": b"MZ\xea\x07\0\xc0\x07\x8c",
    "what looks like lzma, of no size an encoder writes": b"\x5d\0\0\x81\0" + b"\xff" * 8,
    "a signature where none belongs": b"\0QFI\xfb" + b"KDMV" + b"\xfd7zXZ\0",
    "the letters of a tar's sum": b"\1" + bytes(147) + b"0000001\0",
    "a footer's letters elsewhere": bytes(2 * MIB) + b"conectix" + b"koly\0\0\0\4",
}  # fmt: skip


@pytest.mark.parametrize("declared", ["raw", "qcow2"])
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_disk_passes(tmp_path, kind, declared):
    path = written(tmp_path / "disk", ODD[kind], bytes(8 * MIB - len(ODD[kind])))
    found = opened(in_qcow2(path) if declared == "qcow2" else path, declared)
    assert found.virtual_size == 8 * MIB


@pytest.mark.parametrize("size", [512, 1536, 4096, 70000 // 512 * 512, 3 * MIB + 512])
@pytest.mark.parametrize(
    "options", [("-c",), (), ("-c", "-o", "cluster_size=2M"), ("-o", "cluster_size=512")]
)
def test_the_ends_of_a_disk_are_read_whatever_its_size(tmp_path, size, options):
    path = written(tmp_path / "disk", NOISE * 4)
    with path.open("r+b") as file:
        file.truncate(size)
    made = tmp_path / "made"
    command = ["qemu-img", "convert", *options, "-f", "raw", "-O", "qcow2", path, made]
    subprocess.run(command, check=True, timeout=60)
    data = path.read_bytes()
    with verified(str(made), sha256(made), "qcow2", "test") as found:
        head, tail = reading.ends(found, "test")
    assert (head, tail) == (data[: 64 << 10], data[-(4 << 10) :])
