"""Compressed sources: what comes out of whole ones, byte for byte, and what is refused of the others; no cloud."""

import bz2
import functools
import gzip
import hashlib
import io
import lzma
import os
import random
import shutil
import struct
import subprocess
import tarfile
import threading
import zlib
from collections.abc import Callable

import pytest
import zstandard

from clients.errors import CloudError
from config.image import Image
from dynamic_providers.rbd_image import decompression, inspection, reading, source
from tests.verified_source import verified

MIB = 1 << 20
NOISE = random.Random(4).randbytes(MIB // 4)  # noqa: S311 - the same bytes each time, no secret
# Data at the beginning, in the middle and before the end, which is zeros; no whole number of grains.
DISK = NOISE + bytes(MIB + 512) + NOISE[:99_999] + bytes(2 * MIB) + NOISE[:70_001] + bytes(4096)
DISK += bytes(-len(DISK) % 512)
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": functools.partial(gzip.compress, compresslevel=1),
    "xz": functools.partial(lzma.compress, preset=0),
    "bzip2": bz2.compress,
    "zstd": zstandard.compress,
}


@functools.cache
def packed_disk(kind: str) -> bytes:
    return PACK[kind](DISK)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    yield folder
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert left == [], "a decompressed file has no name"


@pytest.fixture
def published(tmp_path):
    """Writes a file as it is published, and gives its path and digest."""

    def write(data):
        path = tmp_path / "published"
        path.write_bytes(data)
        return str(path), hashlib.sha256(data).hexdigest()

    return write


def disk_in(declared, path, sha256):
    """The whole disk, as it would be imported."""
    with verified(path, sha256, declared, "test") as found:
        disk = bytearray(found.virtual_size)
        with reading.data(found, "test") as data:
            for piece in data.pieces:
                piece.read_into(memoryview(disk)[piece.offset : piece.offset + piece.length])
        return bytes(disk)


def refused(published, declared="raw"):
    path, sha256 = published
    with pytest.raises(CloudError) as error:
        disk_in(declared, path, sha256)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def qcow2_of(folder, data, *options):
    raw, made = folder / "disk.raw", folder / "disk.qcow2"
    raw.write_bytes(data)
    command = ["qemu-img", "convert", *options, "-f", "raw", "-O", "qcow2", raw, made]
    subprocess.run(command, check=True, timeout=60)
    return made.read_bytes()


@pytest.mark.parametrize("kind", PACK)
def test_a_compressed_raw_disk_is_the_disk(published, kind):
    assert disk_in("raw", *published(packed_disk(kind))) == DISK


@pytest.mark.parametrize("kind", PACK)
def test_a_compressed_qcow2_is_the_disk_in_it(tmp_path, published, kind):
    assert disk_in("qcow2", *published(PACK[kind](qcow2_of(tmp_path, DISK, "-c")))) == DISK


def zstd_with_checksum(data):
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def zstd_stream(data, window_log):
    """As a pipe makes it: its frame does not tell the size of what is in it."""
    parameters = zstandard.ZstdCompressionParameters(window_log=window_log)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(data) + packer.flush()


SKIPPABLE = struct.pack("<II", 0x184D2A50, 4) + b"note"
HALVES = DISK[:1_400_001], DISK[1_400_001:]


def gzip_with_every_field(data):
    """FHCRC, FEXTRA, FNAME and FCOMMENT; zlib's level 0."""
    head = b"\x1f\x8b\x08\x1e" + bytes(6) + struct.pack("<H", 4) + b"extr" + b"disk.raw\0" + b"a comment\0"
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    packer = zlib.compressobj(0, zlib.DEFLATED, -15)
    return (
        head
        + packer.compress(data)
        + packer.flush()
        + struct.pack("<II", zlib.crc32(data), len(data) % 2**32)
    )


# Made where a test asks for one: each process of pytest collects this file.
ODD = {
    "gzip of two members": lambda: b"".join(map(gzip.compress, HALVES)),
    "gzip of an empty member between two": lambda: gzip.compress(b"").join(map(gzip.compress, HALVES)),
    "gzip of many members": lambda: b"".join(
        gzip.compress(DISK[at : at + 65536]) for at in range(0, len(DISK), 65536)
    ),
    "gzip with zeros behind it": lambda: gzip.compress(DISK) + bytes(33333),
    "gzip with every field of its header": lambda: gzip_with_every_field(DISK),
    "xz of two streams": lambda: b"".join(map(lzma.compress, HALVES)),
    "xz with padding between two streams": lambda: (bytes(8)).join(map(lzma.compress, HALVES)),
    "xz with padding at its end": lambda: lzma.compress(DISK) + bytes(4 * 9999),
    "xz without a check": lambda: lzma.compress(DISK, check=lzma.CHECK_NONE),
    "xz with SHA-256": lambda: lzma.compress(DISK, check=lzma.CHECK_SHA256),
    "xz -9": lambda: lzma.compress(DISK, preset=9),
    "xz with a filter for x86": lambda: lzma.compress(
        DISK, filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 1}]
    ),
    "bzip2 of two streams, as pbzip2 makes it": lambda: b"".join(map(bz2.compress, HALVES)),
    "bzip2 of an empty stream between two": lambda: bz2.compress(b"").join(map(bz2.compress, HALVES)),
    "bzip2 of the smallest blocks": lambda: bz2.compress(DISK, 1),
    "zstd of two frames": lambda: b"".join(map(zstandard.compress, HALVES)),
    "zstd with skippable frames, as pzstd makes it": lambda: SKIPPABLE + SKIPPABLE.join(map(zstandard.compress, HALVES)),
    "zstd with a skippable frame at its end": lambda: zstandard.compress(DISK) + SKIPPABLE,
    "zstd with a checksum": lambda: zstd_with_checksum(DISK),
    "zstd that does not tell its size": lambda: zstd_stream(DISK, 20),
    "zstd --long=27": lambda: zstd_stream(DISK, 27),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_file_that_is_whole_is_the_disk(published, kind):
    assert disk_in("raw", *published(ODD[kind]())) == DISK


@pytest.mark.parametrize("kind", PACK)
def test_the_zeros_of_a_disk_take_no_room(published, kind):
    path, sha256 = published(PACK[kind](NOISE + bytes(31 * MIB + MIB // 2) + NOISE))
    with verified(path, sha256, "raw", "test") as found:
        assert found.virtual_size == 32 * MIB
        assert found.data <= 2 * len(NOISE) + (128 << 10)
        assert os.fstat(found.fd).st_blocks * 512 <= MIB


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("left", [17, 5000, -5, -1])
def test_a_file_that_breaks_off_is_refused(published, kind, left):
    message = refused(published(packed_disk(kind)[:left]))
    assert f"cannot be decompressed ({kind}): it is cut off" in message


@pytest.mark.parametrize("kind", PACK)
def test_a_file_whose_second_member_breaks_off_is_refused(published, kind):
    assert "it is cut off" in refused(published(b"".join(map(PACK[kind], HALVES))[:-1]))


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize(
    "more", [b"x", b"\0\0\0x", NOISE, "other"], ids=["x", "zeros and x", "noise", "other"]
)
def test_something_else_behind_the_data_is_refused(published, kind, more):
    other = PACK["gzip" if kind != "gzip" else "xz"]
    message = refused(published(packed_disk(kind) + (other(DISK) if more == "other" else more)))
    assert "bytes of something else follow" in message or "zeros follow" in message


@pytest.mark.parametrize(("kind", "zeros"), [("xz", 3), ("xz", 4099), ("bzip2", 4), ("zstd", 4)])
def test_zeros_behind_the_data_are_refused_where_the_format_has_none(published, kind, zeros):
    message = refused(published(packed_disk(kind) + bytes(zeros)))
    assert f"{zeros} bytes of something else" in message or f"{zeros} zeros follow" in message


@pytest.mark.parametrize("kind", PACK)
def test_a_damaged_file_is_refused(published, kind):
    packed = bytearray(packed_disk(kind))
    packed[len(packed) // 2] ^= 1
    if kind == "zstd":
        packed = bytearray(zstd_with_checksum(DISK))
        packed[-1] ^= 1
    message = refused(published(bytes(packed)))
    assert "It is damaged" in message


@pytest.mark.parametrize("kind", PACK)
def test_nothing_in_it_is_no_disk(published, kind):
    assert "says its disk has 0 bytes" in refused(published(PACK[kind](b"")))


@pytest.mark.parametrize("outer", PACK)
@pytest.mark.parametrize("inner", PACK)
def test_what_was_compressed_twice_is_refused(published, outer, inner):
    message = refused(published(PACK[outer](packed_disk(inner))))
    assert f"decompressed, is declared raw but is compressed with {inner}" in message


def test_what_is_no_disk_inside_is_refused_by_its_beginning(published, monkeypatch):
    """An archive, as some clouds want it; the rest of it need not come out for that."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("disk.raw")
        entry.size = len(DISK)
        archive.addfile(entry, io.BytesIO(DISK))
    monkeypatch.setattr(decompression._Sparse, "finish", lambda *_: pytest.fail("all of it was decompressed"))
    message = refused(published(buffer.getvalue()))
    assert "decompressed, is declared raw but is a tar archive" in message


def test_the_declared_format_is_that_of_what_comes_out(tmp_path, published):
    packed = lzma.compress(qcow2_of(tmp_path, DISK))
    assert "declared raw but is QCOW2" in refused(published(packed), declared="raw")
    assert "is not QCOW2" in refused(published(lzma.compress(DISK)), declared="qcow2")


def test_a_qcow2_in_it_that_is_cut_off_or_names_a_backing_file_is_refused(tmp_path, published):
    whole = qcow2_of(tmp_path, DISK)
    assert "it is cut off" in refused(published(gzip.compress(whole[:-100_000])), declared="qcow2")
    patched = whole[:8] + struct.pack(">Q", 512) + whole[16:]
    assert "decompressed, names a backing file" in refused(
        published(gzip.compress(patched)), declared="qcow2"
    )


def test_the_digest_is_of_the_published_file_and_checked_first(published, monkeypatch):
    path, _ = published(lzma.compress(DISK))
    monkeypatch.setattr(decompression, "_outputs", lambda *_: pytest.fail("it was decompressed"))
    assert "nothing was imported" in refused((path, hashlib.sha256(DISK).hexdigest()))


class _Most:
    """How many bytes came out at once, at most."""

    def __init__(self, monkeypatch):
        self.seen, add = 0, decompression._Sparse.add

        def counted(sparse, data):
            self.seen = max(self.seen, len(data))
            add(sparse, data)

        monkeypatch.setattr(decompression._Sparse, "add", counted)


BOMB_MIB = {"gzip": 128, "xz": 128, "bzip2": 128, "zstd": 600}
AT_ONCE_MIB = {"gzip": 9, "xz": 1, "bzip2": 1, "zstd": 256}


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_of_zeros_takes_neither_memory_nor_room_and_ends_at_the_largest_disk(
    published, monkeypatch, kind
):
    monkeypatch.setattr(inspection, "LARGEST_VIRTUAL_SIZE", 64 * MIB)
    most = _Most(monkeypatch)
    message = refused(published(PACK[kind](bytes(BOMB_MIB[kind] * MIB))))
    assert "the most that can be imported" in message
    assert most.seen <= AT_ONCE_MIB[kind] * MIB


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_of_data_is_refused_at_the_most_that_a_disk_has(published, monkeypatch, kind):
    monkeypatch.setattr(decompression, "ALWAYS_ALLOWED", 8 * MIB)
    monkeypatch.setattr(decompression, "MOST_RATIO", 2)
    most = _Most(monkeypatch)
    message = refused(published(PACK[kind](b"a line of a log\n" * MIB)))
    assert f"expands to more than {8 * MIB} bytes of data" in message
    assert most.seen <= 16 * MIB


def test_data_that_the_cache_has_no_room_for_is_refused_before_the_disk_is_full(
    published, cache, monkeypatch
):
    free = shutil.disk_usage("/")._replace(free=len(NOISE))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    message = refused(published(gzip.compress(DISK)))
    assert f"{cache / 'private-cloud' / 'images'} has {len(NOISE)} free" in message
    assert "XDG_CACHE_HOME" in message


def test_a_disk_that_is_full_is_one_sentence(published, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    made = decompression._unnamed

    class Full:
        def __init__(self, file):
            self._file, self.write = file, full

        def __getattr__(self, name):
            return getattr(self._file, name)

        def __enter__(self):
            self._file.__enter__()
            return self

        def __exit__(self, *reason):
            return self._file.__exit__(*reason)

    monkeypatch.setattr(decompression, "_unnamed", lambda *given: Full(made(*given)))
    assert "cannot be kept in" in refused(published(gzip.compress(DISK)))


def test_a_member_that_needs_much_memory_is_refused_and_told_what_to_do(published):
    """xz with a dictionary of 1 GiB, zstd with a window of 256 MiB."""
    large = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    assert "`xz -9`" in refused(published(lzma.compress(NOISE, filters=large)))
    assert "`--long=27`" in refused(published(zstd_stream(NOISE, 28)))


def test_what_nobody_waits_for_any_more_is_not_decompressed_to_its_end(published, monkeypatch):
    """64 GiB of zeros: minutes."""
    path, sha256 = published(zstandard.compress(bytes(1 << 30)) * 64)
    begun, outputs = threading.Event(), decompression._outputs

    def message(*given):
        for output in outputs(*given):
            begun.set()
            yield output

    monkeypatch.setattr(decompression, "_outputs", message)
    with source.opening(Image(name="test", source=path, source_format="raw"), sha256, ahead=True):
        assert begun.wait(60)


def test_progress_is_told(published, capsys):
    disk_in("raw", *published(lzma.compress(DISK)))
    assert "test: decompressing: " in capsys.readouterr().err
