"""Golden images of a test's own in the lab, made by the provider as the engine drives it."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
import rbd

from clients import ceph
from clients import openstack as openstack_client
from dynamic_providers.rbd_image import generation
from dynamic_providers.rbd_image.generation import generation_id
from dynamic_providers.rbd_image.provider import RbdImageProvider
from lab.settings import Lab

MIB = 1 << 20
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")  # files work side by side, each in one worker
STACK = f"private-cloud/test-rbd-image-{WORKER}"
CLONE = f"test-clone-{WORKER}"
ROOT = Path(__file__).parents[2]
provider = RbdImageProvider()


@pytest.fixture(autouse=True)
def at_the_lab(lab, monkeypatch):
    """The lab's accounts in this process, and afterwards nothing of the test's stack in it."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(Lab().clouds))
    monkeypatch.setenv("CEPH_CONF", str(Lab().ceph_conf))
    made = set()

    def recorded(*identity):
        made.add(found := generation_id(*identity))
        return found

    monkeypatch.setattr(generation, "generation_id", recorded)
    yield lab
    with openstack_client.connect("lab-image-import") as conn:
        assert records(conn, private_cloud_stack=STACK) == [], "the test left Glance records"
    assert made & rbd_names() == set(), "the test left RBD images"


def rbd_names():
    with ceph.pool("images", "admin") as pool:
        trashed = [item["name"] for item in rbd.RBD().trash_list(pool.ioctx)]
        return {*rbd.RBD().list(pool.ioctx), *trashed}


def recorded_names_of_test():
    """Whichever account made them; tests beside this one have images of their own."""
    return recorded_names(private_cloud_stack=STACK)


def recorded_names(**filters):
    with openstack_client.connect("lab-admin") as conn:
        return {image["id"] for image in records(conn, **filters)}


def records(conn, **filters):
    """Every record that CONN may see, hidden ones too."""
    return [
        image
        for hidden in ("false", "true")
        for image in conn.image.get(
            "/images", params={"visibility": "all", "os_hidden": hidden, "limit": 1000} | filters
        ).json()["images"]
    ]


def make_qcow2(folder, name, data_mib, size, seed):
    """A compressed QCOW2 with data at its start, in its middle and in its very last cluster."""
    raw, path = folder / f"{name}.raw", folder / f"{name}.qcow2"
    block = hashlib.shake_256(seed).digest(data_mib * MIB // 2)
    with raw.open("wb") as file:
        file.truncate(size)
        file.write(block)
        file.seek(size // 2 + 12345)
        file.write(block)
        file.seek(size - 512)
        file.write(b"\xff" * 512)
    subprocess.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    return path, sha512(raw)


def sha512(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return make_qcow2(tmp_path_factory.mktemp("first"), "first", 24, 256 * MIB + 512, b"first")


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return make_qcow2(tmp_path_factory.mktemp("second"), "second", 8, 128 * MIB, b"second")


def inputs(source, **changes):
    return {
        "name": "test-golden",
        "source": str(source),
        "sha256": hashlib.sha256(Path(source).read_bytes()).hexdigest(),
        "visibility": "community",
        "properties": {"os_distro": "debian"},
        "cloud": "lab-image-import",
        "pool": "images",
        "hash": "sha512",
        "ceph_user": "image-import",
        "owner_stack": STACK,
    } | changes


@pytest.fixture
def created(first):
    result = make(inputs(first[0]))
    yield result
    provider.delete(result.id, result.outs)


def make(wanted):
    return provider.create(wanted)


def seen(result):
    return provider.read(result.id, result.outs)


def glance(image_id):
    with openstack_client.connect("lab-admin") as conn:
        response = conn.image.get(f"/images/{image_id}")
        return response.json() if response.ok else None


def raw_digest_in_rbd(image_id):
    digest = hashlib.sha512()
    with ceph.pool("images", "admin") as pool, rbd.Image(pool.ioctx, image_id, snapshot="snap") as image:
        for offset in range(0, image.size(), 8 * MIB):
            digest.update(image.read(offset, min(8 * MIB, image.size() - offset)))
    return digest.hexdigest()


def clone_of(image_id, name=CLONE):
    with ceph.pool("images", "admin") as pool:
        rbd.RBD().clone(pool.ioctx, image_id, "snap", pool.ioctx, name)


def remove_clone(name=CLONE):
    with ceph.pool("images", "admin") as pool:
        rbd.RBD().remove(pool.ioctx, name)


def live_diff(result, wanted):
    read = seen(result)
    return provider.diff(result.id, read.outs, wanted)
