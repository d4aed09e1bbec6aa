"""What the writer sends to RBD, and what it says of it; the RBD image is a fake that keeps what it is given."""

import gc
import hashlib
import random

import pytest
import rbd
from crc32c import crc32c

from dynamic_providers.rbd_image import reading, verify, writer
from dynamic_providers.rbd_image.decoder import OBJECT
from dynamic_providers.rbd_image.reading import Source

MIB = 1 << 20
SIZE = 40 * MIB


class Completion:
    def __init__(self, code):
        self.code = code

    def get_return_value(self):
        return self.code


class FakeImage:
    """Acknowledges a write when the next comes, so that memory reused too early would show."""

    def __init__(self, code=0):
        self.disk = bytearray(SIZE)
        self.written = 0
        self.flushed = False
        self._code = code
        self._waiting = None

    def aio_write(self, data, offset, done):
        assert data
        self._acknowledge()
        self._waiting = (data, offset, done)
        if self._code or len(data) < OBJECT or offset + len(data) == SIZE:
            self._acknowledge()

    def _acknowledge(self):
        if self._waiting:
            data, offset, done = self._waiting
            self._waiting = None
            self.disk[offset : offset + len(data)] = data
            self.written += len(data)
            done(Completion(self._code))

    def flush(self):
        self.flushed = True


def data(*extents):
    def piece(offset, content):
        def read_into(buffer):
            buffer[:] = content

        return reading.Piece(offset, len(content), read_into)

    return reading.Data(sum(len(content) for _, content in extents), (piece(*extent) for extent in extents))


def copied(image, extents, digest=None):
    sums = verify.Written()
    writer._copy(data(*extents), writer._Sink(image, sums), digest, "test", lambda: None)
    return sums


@pytest.fixture
def extents():
    chance = random.Random(2)  # noqa: S311 - no secret
    whole = [(number * OBJECT, chance.randbytes(OBJECT)) for number in range(6)]
    sparse = chance.randbytes(70000) + bytes(MIB) + chance.randbytes(512)
    return [*whole, (6 * OBJECT + 512, sparse), (8 * OBJECT, bytes(OBJECT)), (9 * OBJECT, b"\x01" * OBJECT)]


def test_what_is_written_is_the_data_and_zeros_are_left_out(extents):
    image = FakeImage()
    copied(image, extents)
    for offset, content in extents:
        assert image.disk[offset : offset + len(content)] == content
    assert image.written < sum(len(content) for _, content in extents) - OBJECT - MIB + 3 * writer.GRAIN
    assert image.flushed


def test_the_sums_are_those_of_the_disk_an_object_each(extents):
    image = FakeImage()
    sums = list(copied(image, extents))
    assert [offset // OBJECT for offset, _, _ in sums] == [0, 1, 2, 3, 4, 5, 6, 9]
    for offset, length, value in sums:
        assert value == crc32c(bytes(image.disk[offset : offset + length]))


def test_the_hash_is_that_of_the_whole_disk_holes_included(extents):
    image = FakeImage()
    with writer._RawDigest() as digest:
        copied(image, extents, digest)
        assert digest.finish(SIZE).result() == hashlib.sha512(image.disk).hexdigest()


def test_a_write_that_ceph_refuses_is_raised_and_nothing_is_flushed(extents):
    image = FakeImage(code=-28)
    with pytest.raises(rbd.OSError) as error:
        copied(image, extents)
    assert error.value.errno == 28
    assert not image.flushed


def test_an_image_of_zeros_writes_nothing():
    image = FakeImage()
    assert list(copied(image, [(0, bytes(OBJECT)), (OBJECT, bytes(1000))])) == []
    assert image.written == 0


def test_after_an_import_its_buffers_are_gone(extents):
    gc.collect()
    gc.disable()
    try:
        with writer._RawDigest() as digest:
            copied(FakeImage(), extents, digest)
            digest.finish(SIZE).result()
        assert [item for item in gc.get_objects() if isinstance(item, writer._Buffer)] == []
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("wanted", "size", "hashed"),
    [
        ("auto", 4 * OBJECT, True),
        ("auto", 4 * OBJECT + 512, False),
        ("sha512", 1 << 40, True),
        ("none", OBJECT, False),
    ],
)
def test_a_disk_that_is_mostly_zeros_is_hashed_only_where_that_is_asked_for(wanted, size, hashed):
    assert writer.is_hashed(wanted, Source(-1, "raw", size, OBJECT)) == hashed
