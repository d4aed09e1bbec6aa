"""What is read out of a source is its disk; qemu-img makes the sources and says what is in them."""

import hashlib
import os
import random
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from clients.errors import CloudError
from dynamic_providers.rbd_image import reading
from dynamic_providers.rbd_image.decoder import COMPRESSED, HEADER, OBJECT
from dynamic_providers.rbd_image.reading import Source
from tests.verified_source import verified

MIB = 1 << 20
SIZE = 41 * MIB + 1536


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Data of many lengths, zeros that take room, holes; its last sector holds data."""
    path = tmp_path_factory.mktemp("raw") / "disk.raw"
    chance = random.Random(1)  # noqa: S311 - the same bytes each time, no secret
    with path.open("wb") as file:
        file.truncate(SIZE)
        for _ in range(30):
            file.seek(chance.randrange(SIZE) // 512 * 512)
            length = min(chance.choice([512, 4096, 70000, 3 * MIB]), SIZE - file.tell())
            file.write(
                chance.choice([chance.randbytes(length), b"abcdefgh" * (length // 8 + 1), bytes(length)])[
                    :length
                ]
            )
        file.seek(SIZE - 512)
        file.write(b"\xff" * 512)
    return path


def converted(raw, folder, *options):
    path = folder / "disk.qcow2"
    subprocess.run(
        ["qemu-img", "convert", *options, "-f", "raw", "-O", "qcow2", raw, path], check=True, timeout=60
    )
    return path


def pieces(path, source_format="qcow2", size=SIZE):
    """Every piece with its bytes, and the total that was told before."""
    with path.open("rb") as file:
        source = Source(file.fileno(), source_format, -(-size // 512) * 512)
        source = replace(source, data=reading.survey(source, "test"))
        with reading.data(source, "test") as data:
            found = []
            for piece in data.pieces:
                buffer = bytearray(piece.length)
                piece.read_into(memoryview(buffer))
                found.append((piece.offset, bytes(buffer)))
            return found, data.total


def disk(found, size=SIZE):
    digest, at = hashlib.sha256(), 0
    for offset, data in found:
        digest.update(bytes(offset - at) + data)
        at = offset + len(data)
    digest.update(bytes(size - at))
    return digest.hexdigest()


def patched(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)
    return path


@pytest.mark.parametrize(
    "options",
    [
        "-c",
        "-o cluster_size=64k",
        "-c -o compression_type=zstd",
        "-c -o cluster_size=512",
        "-o cluster_size=2M",
        "-c -o cluster_size=2M,compression_type=zstd",
        "-o compat=0.10",
        "-c -o compat=0.10",
        "-o preallocation=metadata",
        "-o preallocation=full",
        "-S 0",
        "-W -m 8",
    ],
)
def test_every_kind_of_qcow2_reads_as_the_disk_it_was_made_from(raw, tmp_path, options):
    found, total = pieces(converted(raw, tmp_path, *options.split()))
    assert disk(found) == hashlib.sha256(raw.read_bytes()).hexdigest()
    assert sum(len(data) for _, data in found) <= total


def test_a_raw_file_reads_as_it_is_without_its_holes(raw):
    found, total = pieces(raw, "raw")
    assert disk(found) == hashlib.sha256(raw.read_bytes()).hexdigest()
    assert sum(len(data) for _, data in found) == total < SIZE


def test_no_piece_crosses_an_rbd_object(raw, tmp_path):
    for path, source_format in ((raw, "raw"), (converted(raw, tmp_path, "-c"), "qcow2")):
        found, _ = pieces(path, source_format)
        assert len(found) > SIZE // OBJECT / 2
        for offset, data in found:
            assert offset // OBJECT == (offset + len(data) - 1) // OBJECT


def test_a_large_empty_disk_has_no_pieces(tmp_path):
    path = tmp_path / "empty.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "2T"], check=True)
    assert pieces(path, size=2 << 40) == ([], 0)


def test_a_file_that_was_cut_off_is_refused_wherever_it_was_cut(raw, tmp_path):
    path = converted(raw, tmp_path, "-c")
    length = path.stat().st_size
    for kept in (600, 70000, length // 2, length - 5000):
        os.truncate(converted(raw, tmp_path, "-c"), kept)
        with pytest.raises(CloudError, match=r"test: the source cannot be read: .* it is cut off"):
            pieces(path)


def first_table(path):
    head = path.read_bytes()[: HEADER.size]
    place = HEADER.unpack(head)[8]
    return place, struct.unpack(">Q", path.read_bytes()[place : place + 8])[0] & 0x00FF_FFFF_FFFF_FE00


@pytest.mark.parametrize(
    ("offset", "data", "says"),
    [
        (20, struct.pack(">I", 40), "2\\^40 bytes"),
        (36, struct.pack(">I", 0), "0 entries"),
        (36, struct.pack(">I", 1 << 30), f"{1 << 30} entries"),
        (40, struct.pack(">Q", 1 << 63), "cut off"),
        (72, struct.pack(">Q", 1 << 4), "extended_l2"),
        (72, struct.pack(">Q", 1 << 60), "features 0x1"),
        (8, struct.pack(">Q", 512), "not read here"),
        (32, struct.pack(">I", 2), "not read here"),
    ],
)
def test_a_hostile_header_is_a_sentence(raw, tmp_path, offset, data, says):
    with pytest.raises(CloudError, match=says):
        pieces(patched(converted(raw, tmp_path), offset, data))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (1 << 55, "cut off"),
        (512, "no cluster"),
        (COMPRESSED | 1 << 50, "cut off"),
        (COMPRESSED, "cannot be read|too short"),
    ],
)
def test_a_hostile_table_is_a_sentence(raw, tmp_path, entry, says):
    path = converted(raw, tmp_path)
    with pytest.raises(CloudError, match=says):
        pieces(patched(path, first_table(path)[1], struct.pack(">Q", entry)))


def test_a_table_that_names_itself_ends(raw, tmp_path):
    path = converted(raw, tmp_path)
    found, _ = pieces(patched(path, first_table(path)[0], struct.pack(">Q", first_table(path)[0])))
    assert len(found) <= SIZE // 65536 + 1


def test_a_decoder_that_dies_is_a_sentence(raw, tmp_path, monkeypatch):
    dead = tmp_path / "dead.py"
    dead.write_text("raise SystemExit('MemoryError')")
    monkeypatch.setattr(reading, "DECODER", Path(dead))
    with pytest.raises(
        CloudError, match="the source cannot be read: decoding it takes more than 2048 MiB of memory"
    ):
        pieces(converted(raw, tmp_path))


@pytest.mark.parametrize(
    "record",
    [
        (1, SIZE * 2, 512, 0),
        (1, 0, OBJECT + 1, 0),
        (1, OBJECT - 512, 1024, 0),
        (2, 0, 512, 200),
        (9, 0, 512, 0),
    ],
)
def test_a_decoder_that_was_taken_over_is_not_believed(raw, tmp_path, monkeypatch, record):
    lying = tmp_path / "lying.py"
    total, lie = struct.pack("<BQQQ", 0, 0, SIZE, 0), struct.pack("<BQQQ", *record)
    lying.write_text(f"import os, sys\nos.write(1, {lie!r} if int(sys.argv[3]) else {total!r})")
    monkeypatch.setattr(reading, "DECODER", Path(lying))
    with pytest.raises(CloudError, match="its decoder"):
        pieces(converted(raw, tmp_path))


@pytest.mark.parametrize("holes", ["within", "at the end", "everywhere"])
def test_the_sum_of_a_sparse_file_is_that_of_all_its_bytes(raw, tmp_path, holes):
    path = tmp_path / "sparse.raw"
    path.write_bytes(b"")
    if holes != "everywhere":
        subprocess.run(["cp", "--sparse=always", raw, path], check=True)
    if holes != "within":
        os.truncate(path, SIZE + 9 * MIB + 77)
    with verified(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), "raw", "test") as found:
        assert found.virtual_size >= path.stat().st_size
