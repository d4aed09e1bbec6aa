"""What a preview tells of local sources; real files, no cloud."""

import gzip
import hashlib
import json
import os
import subprocess
from contextlib import nullcontext

import pulumi
import pytest
from openstack.exceptions import SDKException

from clients import glance
from clients.errors import CloudError
from components.storage import local_sources
from config.image import ImageSpec, ImageStoreSpec
from dynamic_providers.rbd_image import local_look, source
from tests.verified_source import verified

MIB = 1 << 20
STORE = ImageStoreSpec(cloud="lab", pool="images", ceph_user="image-import")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(local_look, "SETTLED_NS", 0)
    return tmp_path / "cache"


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk.raw"
    path.write_bytes(b"x" * MIB)
    return path


@pytest.fixture
def hashings(monkeypatch):
    """An entry for each time that a file was hashed."""
    found: list[int] = []
    real = source.hashed

    def hashed(*given, **named):
        found.append(1)
        return real(*given, **named)

    monkeypatch.setattr(source, "hashed", hashed)
    return found


class Glance:
    """Has these records of the stack, or raises; counts how often it is asked."""

    def __init__(self):
        self.records, self.error, self.requests = [], None, 0

    def has(self, sha256, **fields):
        self.records.append(
            {"status": "active", "min_disk": 0, "size": 3 << 30, glance.TAG_SHA256: sha256} | fields
        )

    def generations(self, _conn, owner_tags):
        self.requests += 1
        assert owner_tags == {glance.TAG_STACK: "private-cloud/dev"}
        if self.error:
            raise self.error
        return self.records


@pytest.fixture(autouse=True)
def cloud(monkeypatch):
    found = Glance()
    monkeypatch.setattr(glance, "generations", found.generations)
    monkeypatch.setattr(local_sources, "connect", lambda _cloud: nullcontext())
    monkeypatch.setattr(pulumi, "get_project", lambda: "private-cloud")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    return found


@pytest.fixture
def warnings(monkeypatch):
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", found.append)
    return found


def image(path, sha256=None, declared="raw", **fields):
    return ImageSpec(
        name="debian-12",
        source=str(path),
        sha256=sha256 or hashlib.sha256(path.read_bytes()).hexdigest(),
        source_format=declared,
        **fields,
    )


def look(*images):
    local_sources.refuse_bad_sources(images, STORE)


def refused(*images):
    with pytest.raises(pulumi.RunError) as error:
        look(*images)
    return str(error.value)


def test_whole_files_with_their_digests_pass_compressed_ones_too(disk, tmp_path):
    packed = tmp_path / "disk.raw.gz"
    packed.write_bytes(gzip.compress(disk.read_bytes()))
    look(image(disk), image(packed))


def test_what_is_missing_special_foreign_cut_off_or_another_is_refused_all_at_once(disk, tmp_path):
    fifo, cut = tmp_path / "fifo", tmp_path / "cut.qcow2"
    os.mkfifo(fifo)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", disk, cut], check=True)
    os.truncate(cut, cut.stat().st_size - 65536)
    of_a_larger_disk = bytearray(MIB)
    of_a_larger_disk[446:462] = bytes.fromhex("00 00 01 00 83 00 00 00 3f 00 00 00 00 00 10 00")  # 512 MiB
    of_a_larger_disk[510:512] = b"\x55\xaa"
    (part := tmp_path / "part.raw").write_bytes(of_a_larger_disk)
    given = [
        (image(tmp_path / "none", "0" * 64), "No such file"),
        (image(fifo, "0" * 64), "it is a FIFO"),
        (image("disk\0.raw", "0" * 64), "no file can have such a name"),
        (image(disk, declared="qcow2"), "is not QCOW2"),
        (image(cut, declared="qcow2"), "the source cannot be read"),
        (image(part), "is cut off: its partition table"),
        (image(disk, "0" * 64), f"has SHA-256 {image(disk).sha256}"),
        (image(disk, min_disk_gb=1), None),
    ]
    sentences = refused(*(wanted for wanted, _ in given)).splitlines()
    assert len(sentences) == len(given) - 1
    for number, (sentence, (_, why)) in enumerate(zip(sentences, given, strict=False)):
        assert sentence.startswith(f"images[{number}]: ")
        assert why in sentence


def test_sources_of_the_web_and_of_adopted_images_are_not_looked_at(tmp_path, cloud):
    look(
        image("https://images.corp.example/disk.raw", "0" * 64),
        image(tmp_path / "none", "0" * 64, adopt="an-id"),
    )
    assert cloud.requests == 0


def test_a_file_is_hashed_once_until_it_changes_and_glance_is_not_asked_again(disk, hashings, cloud):
    wanted = image(disk)
    for _ in range(3):
        look(wanted)
    assert (len(hashings), cloud.requests) == (1, 1)
    changed_time(disk)
    look(wanted)
    assert len(hashings) == 2


def changed_time(path, **times):
    """Set the times of PATH; the kernel's clock ticks only some hundred times a second."""
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        os.utime(path, **times)


def replaced(disk):
    other = disk.with_name("other")
    other.write_bytes(b"y" * MIB)
    return other


@pytest.mark.parametrize("change", ["written into", "replaced"])
def test_other_content_of_the_same_size_and_time_is_seen(disk, change):
    wanted, before = image(disk), disk.stat()
    look(wanted)
    if change == "replaced":
        replaced(disk).replace(disk)
    else:
        disk.write_bytes(b"y" * MIB)
    changed_time(disk, ns=(before.st_atime_ns, before.st_mtime_ns))  # as `cp -p` leaves it
    assert disk.stat().st_mtime_ns == before.st_mtime_ns
    for _ in range(2):  # by its bytes, then by the digest that is known
        assert "nothing was imported" in refused(wanted)


def test_a_digest_is_remembered_only_of_a_file_that_rested_before_and_while_it_was_hashed(
    disk, hashings, monkeypatch
):
    wanted, count = image(disk), source.hashed

    def touched(file, *given, **named):
        changed_time(disk)
        return count(file, *given, **named)

    monkeypatch.setattr(source, "hashed", touched)
    look(wanted)
    monkeypatch.setattr(source, "hashed", count)
    look(wanted)
    assert len(hashings) == 2
    changed_time(disk)
    monkeypatch.setattr(local_look, "SETTLED_NS", 10**12)
    for times in (3, 4):
        look(wanted)
        assert len(hashings) == times


def test_an_import_hashes_what_it_reads_whatever_is_known(disk):
    wanted = image(disk)
    look(wanted)
    replaced(disk).replace(disk)
    with (
        pytest.raises(CloudError, match="nothing was imported"),
        verified(disk, wanted.sha256, "raw", "test"),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"{}", b"\xff", b'{"state": null, "sha256": 1}'])
def test_a_damaged_memory_is_none(disk, cache, hashings, content):
    look(image(disk))
    (entry,) = (cache / "private-cloud/images/digests").iterdir()
    assert json.loads(entry.read_text())["sha256"] == image(disk).sha256
    entry.write_bytes(content)
    look(image(disk))
    assert len(hashings) == 2


@pytest.mark.parametrize("unusable", ["file", "no home"])
def test_without_a_cache_folder_it_is_hashed_each_time(disk, tmp_path, hashings, monkeypatch, unusable):
    if unusable == "file":
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    else:
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path / "none"))
        monkeypatch.setattr("pathlib.Path.mkdir", no_mkdir)
    look(image(disk))
    look(image(disk))
    assert len(hashings) == 2


def no_mkdir(*_given, **_named):
    raise OSError(30, "Read-only file system")


def test_content_that_glance_has_already_needs_no_source_and_is_not_hashed(disk, tmp_path, cloud, hashings):
    cloud.has("0" * 64)
    look(image(disk, "0" * 64), image(tmp_path / "none", "0" * 64))
    assert (hashings, cloud.requests) == ([], 1)
    cloud.records[0]["status"] = "queued"  # an import that was killed: it needs the source
    assert "No such file" in refused(image(tmp_path / "none", "0" * 64))


def test_a_minimal_disk_below_the_images_size_is_refused_whether_the_image_is_there_or_not(
    disk, cloud, tmp_path
):
    os.truncate(disk, 3 << 30)
    small = image(disk, "0" * 64, min_disk_gb=2)
    assert refused(small).startswith(
        "images[0]: image 'debian-12': min_disk_gb is 2, and its disk has 3221225472 "
    )
    cloud.has("0" * 64)
    assert "min_disk_gb is 2" in refused(small)
    look(image(tmp_path / "none", "0" * 64, min_disk_gb=3))
    cloud.has("0" * 64, min_disk=2)  # an adopted image keeps what it has
    look(small)


@pytest.mark.parametrize("error", [CloudError("no token"), SDKException("500")])
def test_where_glance_cannot_be_asked_what_is_wrong_is_a_warning(disk, tmp_path, cloud, warnings, error):
    cloud.error = error
    look(image(disk))
    assert warnings == []
    look(image(tmp_path / "none", "0" * 64))
    assert [("No such file" in warning, str(error) in warning) for warning in warnings] == [(True, True)]
