"""A volume of a golden image is a clone: real Cinder copies nothing, though Glance shows nobody where the data is."""

import pytest
import rados
import rbd

from clients import ceph
from clients.errors import InUseError
from tests.lab.golden_image import CLONE, at_the_lab, first, glance, inputs, make, provider

__all__ = ["at_the_lab", "first"]

WAIT_S = 300


@pytest.fixture
def made(first):
    result = make(inputs(first[0]))
    yield result
    provider.delete(result.id, result.outs)


@pytest.fixture
def volume(admin, made):
    found = admin.block_storage.create_volume(name=CLONE, size=1, image_id=made.outs["glance_id"])
    try:
        yield admin.block_storage.wait_for_status(found, "available", failures=["error"], wait=WAIT_S)
    finally:
        admin.block_storage.delete_volume(found)
        admin.block_storage.wait_for_delete(found, wait=WAIT_S)


def test_a_volume_has_the_images_snapshot_for_its_parent(made, volume):
    assert "locations" not in glance(made.outs["glance_id"])
    with ceph.pool("volumes", "admin") as pool, rbd.Image(pool.ioctx, f"volume-{volume.id}") as image:
        assert image.parent_info() == ("images", made.outs["glance_id"], "snap")
        extents = []
        image.diff_iterate(
            0, image.size(), None, lambda *extent: extents.append(extent), include_parent=False
        )
        assert extents == []  # nothing of its own: not a byte was copied


def test_while_a_volume_is_there_the_image_stays_and_the_volume_is_named(made, volume):
    with pytest.raises(InUseError, match=f"volumes/volume-{volume.id}"):
        provider.delete(made.id, made.outs)
    assert glance(made.outs["glance_id"])["status"] == "active"


def test_the_imports_ceph_user_cannot_read_what_is_in_a_volume(volume):
    with ceph.pool("volumes", "admin") as pool, rbd.Image(pool.ioctx, f"volume-{volume.id}") as image:
        prefix = image.block_name_prefix()
        image.write(b"a secret", 0)
    with ceph.pool("volumes", "image-import") as pool, pytest.raises(rados.PermissionError):
        pool.ioctx.read(f"{prefix}.{0:016x}")
