"""What the import refuses before qemu or Ceph sees a byte; real files, a loopback server, no cloud."""

import errno
import hashlib
import http.server
import lzma
import os
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from clients import regular_file
from clients.errors import CloudError
from config.image import Image
from dynamic_providers.rbd_image import reading, source
from tests.verified_source import verified

MIB = 1 << 20


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def qcow2(tmp_path):
    path = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "3M"], check=True)
    return path


def opened(path, declared="qcow2"):
    with verified(str(path), sha256(path), declared, "test") as found:
        return found


def patched(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)
    return path


def test_a_qcow2_tells_its_virtual_size(qcow2):
    assert opened(qcow2).virtual_size == 3 * MIB


def test_a_raw_file_is_rounded_up_to_whole_sectors(tmp_path):
    path = tmp_path / "disk.raw"
    path.write_bytes(b"x" * 1000)
    assert opened(path, "raw").virtual_size == 1024


def test_another_checksum_is_refused_and_both_are_named(qcow2):
    wanted = "0" * 64
    with pytest.raises(CloudError, match=f"{sha256(qcow2)}.*{wanted}.*nothing was imported"):
        verified(str(qcow2), wanted, "qcow2", "test").__enter__()


def ahead(path, checksum):
    return source.opening(Image(name="test", source=str(path)), checksum, ahead=True)


def read(opening):
    found = opening.readable()
    opening.verify()
    return found


def test_a_source_that_is_hashed_ahead_is_the_same(qcow2):
    with ahead(qcow2, sha256(qcow2)) as opening:
        found = read(opening)
        assert found.virtual_size == 3 * MIB
        assert os.pread(found.fd, 4, 0) == b"QFI\xfb"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.pread(found.fd, 4, 0)


def test_what_is_wrong_with_a_source_is_told_where_it_is_asked_for_and_not_otherwise(qcow2, tmp_path):
    for path, checksum, says in [
        (qcow2, "0" * 64, "nothing was imported"),
        (tmp_path / "none", "0" * 64, "cannot be read"),
    ]:
        with ahead(path, checksum) as opening, pytest.raises(CloudError, match=says):
            read(opening)
        with ahead(path, checksum):
            pass


def test_a_source_that_turns_out_not_to_be_needed_is_not_hashed_to_its_end(tmp_path):
    with (tmp_path / "huge.raw").open("wb") as file:
        file.truncate(8 << 40)  # a hash of this takes an hour
    with ahead(tmp_path / "huge.raw", "0" * 64):
        pass


def test_what_header_and_tables_tell_does_not_wait_for_the_hash(qcow2, monkeypatch):
    def hash_of_hours(_file, _what, over):
        assert over.wait(60), "somebody waits for the hash"
        return "0" * 64

    monkeypatch.setattr(source, "hashed", hash_of_hours)
    for early in (True, False):
        with source.opening(Image(name="test", source=str(qcow2)), sha256(qcow2), ahead=early) as opening:
            known = opening.surveyed()
            assert known
            assert known.virtual_size == 3 * MIB


@pytest.fixture
def hash_waits(monkeypatch):
    """The hash begins only once this is set."""
    begin, hashed = threading.Event(), source.hashed

    def late(file, what, over):
        assert begin.wait(60), "nobody let the hash begin"
        return hashed(file, what, over)

    monkeypatch.setattr(source, "hashed", late)
    return begin


def test_a_file_can_be_read_while_it_is_hashed_and_a_mismatch_is_told_as_soon_as_it_is_known(
    qcow2, hash_waits
):
    with ahead(qcow2, "0" * 64) as opening:
        assert opening.readable().virtual_size == 3 * MIB
        opening.refuse_mismatch()  # not known yet
        hash_waits.set()
        with pytest.raises(CloudError, match=f"{sha256(qcow2)}.*nothing was imported"):
            opening.verify()
        with pytest.raises(CloudError, match="nothing was imported"):
            opening.refuse_mismatch()


def test_with_verify_first_nothing_is_read_before_the_digest_is_known(qcow2, monkeypatch):
    monkeypatch.setattr(reading, "ends", lambda *_: pytest.fail("it was decoded"))
    image = Image(name="test", source=str(qcow2), verify="first")
    with (
        source.opening(image, "0" * 64, ahead=True) as opening,
        pytest.raises(CloudError, match="nothing was imported"),
    ):
        opening.readable()


def test_that_a_file_is_another_one_says_more_than_that_it_is_damaged(qcow2, monkeypatch):
    def damaged(_source, what):
        raise reading.UnreadableError(f"{what}: damaged")

    monkeypatch.setattr(reading, "ends", damaged)
    for checksum, says in [(sha256(qcow2), "damaged"), ("0" * 64, "nothing was imported")]:
        with ahead(qcow2, checksum) as opening, pytest.raises(CloudError, match=says):
            opening.readable()


@pytest.mark.parametrize("moment", ["before it is hashed", "after it was hashed"])
def test_a_file_that_changes_while_it_is_read_is_refused_even_if_its_size_and_times_are_put_back(
    qcow2, hash_waits, moment
):
    times = qcow2.stat()
    with ahead(qcow2, sha256(qcow2)) as opening:
        opening.readable()
        if moment == "after it was hashed":
            hash_waits.set()
            opening.verify()
        patched(qcow2, 100_000, b"x")
        os.utime(qcow2, ns=(times.st_atime_ns, times.st_mtime_ns))
        hash_waits.set()
        with pytest.raises(CloudError, match="was changed while it was read: nothing was imported"):
            opening.verify()


def test_of_a_compressed_source_nothing_is_known_before_it_is_verified(qcow2, tmp_path):
    published = tmp_path / "disk.xz"
    published.write_bytes(lzma.compress(qcow2.read_bytes()))
    with ahead(published, sha256(published)) as opening:
        assert opening.surveyed() is None
        assert opening.readable().virtual_size == 3 * MIB


def test_what_has_to_be_fetched_is_fetched_only_where_it_is_needed(web, qcow2):
    folder, url = web
    with source.opening(Image(name="test", source=f"{url}/disk.qcow2"), sha256(qcow2), ahead=True) as opening:
        assert opening.surveyed() is None
        (folder / "disk.qcow2").write_bytes(qcow2.read_bytes())  # not there before
        assert opening.readable().virtual_size == 3 * MIB


def special(path, kind):
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a directory":
        path.mkdir()
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    return path


@pytest.mark.parametrize("kind", ["a FIFO", "a directory", "a device", "a socket"])
def test_what_has_no_end_is_no_source(tmp_path, kind):
    path = special(tmp_path / "odd", kind)
    with pytest.raises(CloudError, match=f"cannot be read: it is {kind}, not a regular file"):
        verified(str(path), "0" * 64, "raw", "test").__enter__()


@pytest.mark.parametrize("kind", ["a FIFO", "a directory", "a device", "a socket"])
def test_what_has_no_end_is_no_file_of_text(tmp_path, kind):
    with pytest.raises(OSError, match=f"it is {kind}"):
        regular_file.text(special(tmp_path / "odd", kind))


def test_a_file_of_text_has_a_largest_size_and_may_be_linked_to(tmp_path):
    (tmp_path / "text").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "text")
    assert regular_file.text(tmp_path / "link") == "x"
    os.truncate(tmp_path / "text", 1 << 40)
    with pytest.raises(OSError, match="more than 16 MiB"):
        regular_file.text(tmp_path / "text")


def test_a_disk_that_is_too_large_is_refused_before_it_is_hashed(tmp_path):
    path = tmp_path / "huge.raw"
    with path.open("wb") as file:
        file.truncate(15 << 40)  # a hash of this takes hours
    with pytest.raises(CloudError, match="8 TiB"):
        verified(str(path), "0" * 64, "raw", "test").__enter__()


def test_a_qcow2_that_was_cut_off_is_refused_before_it_is_hashed(tmp_path):
    raw, path = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
    raw.write_bytes(b"x" * 3 * MIB)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    os.truncate(path, path.stat().st_size - 100_000)
    with pytest.raises(CloudError, match="it is cut off"):
        verified(str(path), "0" * 64, "qcow2", "test").__enter__()


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(CloudError, match="cannot be read: No such file"):
        verified(str(tmp_path / "none"), "0" * 64, "qcow2", "test").__enter__()


@pytest.mark.parametrize(
    ("offset", "data", "says"),
    [
        (4, struct.pack(">I", 9), "version 9"),
        (8, struct.pack(">Q", 512), "backing file"),
        (24, struct.pack(">Q", 1 << 62), "8 TiB"),
        (24, struct.pack(">Q", 0), "0 bytes"),
        (32, struct.pack(">I", 1), "encrypted"),
        (72, struct.pack(">Q", 1 << 2), "external data file"),
        (72, struct.pack(">Q", 1 << 1), "corrupt"),
        (0, b"KDMV", "VMDK"),
        (0, b"conectix", "VHD"),
        (0, b"nonsense", "not QCOW2"),
        (0x8001, b"CD001", "ISO"),
    ],
)
def test_a_hostile_or_foreign_header_is_refused(qcow2, offset, data, says):
    with pytest.raises(CloudError, match=says):
        opened(patched(qcow2, offset, data))


def test_a_qcow2_that_says_it_is_raw_is_refused(qcow2):
    with pytest.raises(CloudError, match="declared raw but is QCOW2"):
        opened(qcow2, "raw")


def gpt(path, length, backup_at, sector=512):
    path.write_bytes(bytes(length))
    header = b"EFI PART" + bytes(24) + struct.pack("<Q", backup_at)
    return patched(path, sector, header)


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_raw_disk_whose_partition_table_claims_more_than_it_has_is_refused(tmp_path, sector):
    last = 3 * MIB // sector - 1
    assert opened(gpt(tmp_path / "whole", 3 * MIB, last, sector), "raw").virtual_size == 3 * MIB
    with pytest.raises(
        CloudError, match=rf"cut off.*at least {3 * MIB + sector} bytes, and its disk has {3 * MIB}"
    ):
        opened(gpt(tmp_path / "cut", 3 * MIB, last + 1, sector), "raw")
    with pytest.raises(CloudError, match="cut off"):
        opened(gpt(tmp_path / "wild", 3 * MIB, (1 << 64) - 1, sector), "raw")


def test_a_truncated_header_is_refused(tmp_path):
    path = tmp_path / "short.qcow2"
    path.write_bytes(b"QFI\xfb" + bytes(10))
    with pytest.raises(CloudError, match="not QCOW2"):
        opened(path)


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A web server on loopback that serves a folder, and a cache of the test's own."""
    folder = tmp_path / "web"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def cached(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_download_is_verified_and_kept_only_until_it_is_imported(web, qcow2, tmp_path):
    folder, url = web
    (folder / "disk.qcow2").write_bytes(qcow2.read_bytes())
    with verified(f"{url}/disk.qcow2", sha256(qcow2), "qcow2", "test") as found:
        assert found.virtual_size == 3 * MIB
        assert len(cached(tmp_path)) == 1
    assert cached(tmp_path) == []


def test_a_compressed_download_is_kept_as_it_was_published_and_not_decompressed(web, qcow2, tmp_path):
    folder, url = web
    published = folder / "disk.qcow2.xz"
    published.write_bytes(lzma.compress(qcow2.read_bytes()))
    checksum = sha256(published)
    with verified(f"{url}/disk.qcow2.xz", checksum, "qcow2", "test") as found:
        assert found.virtual_size == 3 * MIB
        assert os.pread(found.fd, 4, 0) == b"QFI\xfb"
        assert [sha256(path) for path in cached(tmp_path)] == [checksum]
    assert cached(tmp_path) == []


def test_a_download_with_another_checksum_leaves_nothing(web, qcow2, tmp_path):
    folder, url = web
    (folder / "disk.qcow2").write_bytes(qcow2.read_bytes())
    with pytest.raises(CloudError, match="nothing was imported"):
        verified(f"{url}/disk.qcow2", "0" * 64, "qcow2", "test").__enter__()
    assert cached(tmp_path) == []


def test_a_download_that_is_not_there_is_one_sentence(web):
    _, url = web
    with pytest.raises(CloudError, match="cannot be fetched: it answers 404"):
        verified(f"{url}/none.qcow2", "0" * 64, "qcow2", "test").__enter__()


def test_an_interrupted_import_does_not_fetch_again(web, qcow2):
    folder, url = web
    served = folder / "disk.qcow2"
    served.write_bytes(qcow2.read_bytes())
    checksum = sha256(qcow2)
    with pytest.raises(RuntimeError), verified(f"{url}/disk.qcow2", checksum, "qcow2", "test"):
        raise RuntimeError
    served.unlink()
    with verified(f"{url}/disk.qcow2", checksum, "qcow2", "test") as found:
        assert found.virtual_size == 3 * MIB
    assert not Path(served).exists()


def test_a_cache_that_cannot_be_made_or_written_is_one_sentence(web, tmp_path, monkeypatch):
    address = f"{web[1]}/disk.qcow2", "0" * 64, "qcow2", "test"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(
            CloudError, match=r"^source .* cannot be kept in .*images: Read-only file system\.$"
        ):
            verified(*address).__enter__()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(CloudError, match="let XDG_CACHE_HOME name one"):
        verified(*address).__enter__()


def refuse(*_, **__):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_an_earlier_download_that_was_damaged_since_is_fetched_again(web, qcow2, tmp_path):
    folder, url = web
    (folder / "disk.qcow2").write_bytes(qcow2.read_bytes())
    checksum = sha256(qcow2)
    with pytest.raises(RuntimeError), verified(f"{url}/disk.qcow2", checksum, "qcow2", "test"):
        raise RuntimeError
    (kept,) = cached(tmp_path)
    kept.write_bytes(b"something else")
    with verified(f"{url}/disk.qcow2", checksum, "qcow2", "test") as found:
        assert found.virtual_size == 3 * MIB
