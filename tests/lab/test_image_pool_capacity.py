"""A pool that cannot take an image's data says so before anything is written, not when it is full."""

import json
import subprocess
import time
from collections import defaultdict

import pytest
import rbd

from clients import ceph as ceph_client
from clients import rbd as rbd_client
from clients.errors import CloudError
from config.image import Image
from dynamic_providers.rbd_image import pool_capacity, source, store, writer
from tests.lab.golden_image import MIB, at_the_lab, first, inputs, make
from tests.verified_source import verified

__all__ = ["at_the_lab", "first"]

POOL = "test-room"
WHOLE_MIB = 24  # of data in `first`


def ceph(*words):
    return subprocess.run(
        ["ceph", "--id", "admin", *words], check=True, capture_output=True, text=True
    ).stdout


def put(name, path="/etc/hostname"):
    subprocess.run(["rados", "--id", "admin", "--pool", POOL, "put", name, str(path)], check=True)


@pytest.fixture
def own_pool():
    """A pool of the test's own, and a function that waits until Ceph's figures of it are as wanted."""
    ceph("osd", "pool", "create", POOL, "1")
    ceph("osd", "pool", "application", "enable", POOL, "rbd")
    yield POOL
    ceph("tell", "mon.*", "injectargs", "--mon_allow_pool_delete=true")
    ceph("osd", "pool", "delete", POOL, POOL, "--yes-i-really-really-mean-it")
    ceph("tell", "mon.*", "injectargs", "--mon_allow_pool_delete=false")


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def stats():
    """The pool's figures; zeros while Ceph has none of a pool that was just made."""
    found = json.loads(ceph("df", "detail", "-f", "json"))["pools"]
    return next((item["stats"] for item in found if item["name"] == POOL), defaultdict(int))


def images():
    with ceph_client.pool(POOL, "admin") as pool:
        return [*rbd.RBD().list(pool.ioctx), *rbd.RBD().trash_list(pool.ioctx)]


def never_hashed(_file, _what, over):
    """Stands for a hash of hours, which only ends when nobody waits for it."""
    assert over.wait(120), "the import waited for the hash"
    return "0" * 64


def refused(first, match):
    """The import is refused before the source is hashed and a byte of data went, with nothing left in the pool; `at_the_lab` looks at Glance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_copy", lambda *_: pytest.fail("data was written"))
        patch.setattr(source, "hashed", never_hashed)
        with pytest.raises(CloudError, match=match) as caught:
            make(inputs(first[0], pool=POOL, ceph_user="admin"))
    assert len(str(caught.value).splitlines()) == 1
    assert images() == []


def test_a_pool_at_its_quota_of_objects_is_refused_at_once(first, own_pool):
    ceph("osd", "pool", "set-quota", own_pool, "max_objects", "1")
    put("one")
    put("two")
    wait_for(lambda: stats()["objects"] == 2)
    refused(first, rf"pool '{POOL}' is full or at its quota: run this again when .* raised its quota")


def test_data_that_goes_beyond_the_quota_of_bytes_is_refused_before_it_is_written(first, own_pool):
    ceph("osd", "pool", "set-quota", own_pool, "max_bytes", str((WHOLE_MIB - 8) * MIB))
    wait_for(lambda: stats()["quota_bytes"])
    # The pool may hold some bytes of its own already, such as its directory of images.
    left = f"({WHOLE_MIB - 8}|{WHOLE_MIB - 9})"
    refused(first, rf"up to {WHOLE_MIB} MiB of data, and pool '{POOL}' can take {left} MiB more")
    # Of a source whose data is known later, the same with an image that was just made.
    with (
        rbd_client.pool(own_pool, "admin", None) as pool,
        store.writable(pool.ioctx, "test") as target,
        pytest.raises(CloudError, match=f"can take {left} MiB more"),
    ):
        pool_capacity.refuse_if_too_small(pool, target, WHOLE_MIB * MIB, "test")


def test_data_that_goes_beyond_the_quota_of_objects_is_refused_before_it_is_written(first, own_pool):
    ceph("osd", "pool", "set-quota", own_pool, "max_objects", "5")
    wait_for(lambda: stats()["quota_objects"])
    refused(first, r"up to 24 MiB of data.* in [0-9] objects: nothing was written")


def test_what_an_interrupted_import_has_written_already_needs_no_room_again(first, own_pool, monkeypatch):
    """With a quota that takes the data once: the second run finds it there."""
    ceph("osd", "pool", "set-quota", own_pool, "max_bytes", str((WHOLE_MIB + 16) * MIB))
    wait_for(lambda: stats()["quota_bytes"])
    requests, held = [], pool_capacity._held

    def recorded(target, what):
        requests.append(held(target, what))
        return requests[-1]

    monkeypatch.setattr(pool_capacity, "_held", recorded)
    with (
        rbd_client.pool(own_pool, "admin", None) as pool,
        verified(str(first[0]), inputs(first[0])["sha256"], "qcow2", "test") as opened,
    ):
        for again in (False, True):
            with store.writable(pool.ioctx, "test") as target:
                writer.write(opened, target, pool, Image(name="test", source="-", hash="none"))
            if not again:
                assert requests == []
                wait_for(lambda: stats()["stored"] >= WHOLE_MIB * MIB)
    assert requests[-1] >= WHOLE_MIB * MIB
