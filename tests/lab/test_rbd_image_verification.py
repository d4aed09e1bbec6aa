"""What RBD holds is compared with what was written: a disk, an OSD or a person that changes it is found out."""

import hashlib
import subprocess

import pytest

from clients import ceph
from clients import rbd as rbd_client
from clients.errors import CloudError
from config.image import Image
from dynamic_providers.rbd_image import store, verify, writer
from dynamic_providers.rbd_image.decoder import OBJECT
from dynamic_providers.rbd_image.provider import RbdImageProvider
from tests.lab.golden_image import recorded_names
from tests.verified_source import verified

MIB = 1 << 20
SIZE = 100 * MIB
FAR = 61 * MIB + 12345
NAME = "test-verification"


@pytest.fixture(autouse=True)
def at_the_lab(lab, monkeypatch):
    """The lab's accounts in this process."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
    monkeypatch.setenv("CEPH_CONF", str(lab.ceph_conf))


@pytest.fixture
def source(tmp_path):
    raw, path = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
    with raw.open("wb") as file:
        file.truncate(SIZE)
        file.write(hashlib.shake_256(b"near").digest(9 * MIB))
        file.seek(FAR)
        file.write(hashlib.shake_256(b"far").digest(100_000))
    subprocess.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def written(source, meddle):
    """Import SOURCE as far as the check; MEDDLE is called with the image between the write and the check."""
    checked = verify.check

    def check(sums, image, pool, what):
        meddle(image)
        checked(sums, image, pool, what)

    with (
        pytest.MonkeyPatch.context() as patch,
        rbd_client.pool("images", "image-import", None) as pool,
        verified(str(source), sha256(source), "qcow2", NAME) as opened,
    ):
        patch.setattr(verify, "check", check)
        try:
            with store.writable(pool.ioctx, NAME) as target:
                writer.write(opened, target, pool, Image(name=NAME, source="-", hash="none"))
        finally:
            store.remove(pool.ioctx, NAME)


def in_its_object(image, offset, change):
    """CHANGE the object of IMAGE that holds OFFSET, as somebody who goes round librbd would."""
    with ceph.pool("images", "admin") as pool:
        change(pool.ioctx, f"{image.stat()['block_name_prefix']}.{offset // OBJECT:016x}", offset % OBJECT)


def flip(ioctx, name, at):
    byte = ioctx.read(name, 1, at)
    ioctx.write(name, bytes([byte[0] ^ 1]), at)


def test_what_was_not_meddled_with_passes_with_the_imports_own_rights(source):
    written(source, lambda _image: None)


@pytest.mark.parametrize("offset", [0, 5 * MIB + 1, 9 * MIB - 1, FAR, FAR + 99_999])
def test_one_flipped_bit_is_found_and_the_sentence_says_where(source, offset):
    with pytest.raises(
        CloudError, match=f"RBD does not hold what was written.*{offset // OBJECT:016x} of pool"
    ):
        written(source, lambda image: in_its_object(image, offset, flip))


def test_an_object_that_is_gone_or_short_is_found(source):
    with pytest.raises(CloudError, match="does not hold"):
        written(
            source, lambda image: in_its_object(image, 0, lambda ioctx, name, _: ioctx.remove_object(name))
        )
    with pytest.raises(CloudError, match="does not hold"):
        written(
            source, lambda image: in_its_object(image, FAR, lambda ioctx, name, at: ioctx.trunc(name, at + 9))
        )


def test_an_import_whose_data_was_changed_leaves_nothing_registered(source, monkeypatch):
    checked = verify.check

    def check(sums, image, pool, what):
        in_its_object(image, 0, flip)
        checked(sums, image, pool, what)

    monkeypatch.setattr(verify, "check", check)
    inputs = {
        "name": NAME,
        "source": str(source),
        "sha256": sha256(source),
        "cloud": "lab-image-import",
        "pool": "images",
        "ceph_user": "image-import",
        "owner_stack": f"private-cloud/{NAME}",
    }
    with pytest.raises(CloudError, match="Nothing was registered"):
        RbdImageProvider().create(inputs)
    assert recorded_names(private_cloud_image=NAME) == set()
