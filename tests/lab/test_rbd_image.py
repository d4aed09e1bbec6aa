"""The image provider against real Ceph and real Glance, driven as the engine drives it."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rbd
import zstandard

from clients import ceph
from clients import openstack as openstack_client
from clients.errors import CloudError
from dynamic_providers.rbd_image import store, writer
from dynamic_providers.rbd_image.generation import generation_id
from tests.lab.golden_image import (
    MIB,
    ROOT,
    STACK,
    at_the_lab,
    created,
    first,
    glance,
    inputs,
    live_diff,
    make,
    provider,
    raw_digest_in_rbd,
    rbd_names,
    second,
    seen,
)

__all__ = ["at_the_lab", "created", "first", "second"]


def test_an_import_is_the_disk_to_the_last_byte_and_glance_and_ceph_show_it_so(created, first):
    assert raw_digest_in_rbd(created.outs["glance_id"]) == first[1]
    # Glance has an active raw image of the disk's size, with its hash.
    record = glance(created.outs["glance_id"])
    assert record["status"] == "active"
    assert record["disk_format"] == "raw"
    assert record["size"] == created.outs["size_bytes"] == 256 * MIB + 512
    assert (record["os_hash_algo"], record["os_hash_value"]) == ("sha512", first[1])
    assert record["visibility"] == "community"
    assert not record["os_hidden"]
    # The snapshot is protected, and the location names it.
    with ceph.pool("images", "admin") as pool:
        with rbd.Image(pool.ioctx, created.outs["glance_id"]) as image:
            assert [snap["name"] for snap in image.list_snaps()] == ["snap"]
            assert image.is_protected_snap("snap")
        assert created.outs["location"] == f"rbd://{pool.fsid}/images/{created.outs['glance_id']}/snap"
    # Only the data takes room.
    with ceph.pool("images", "admin") as pool, rbd.Image(pool.ioctx, created.outs["glance_id"]) as image:
        used = []
        image.diff_iterate(
            0, image.size(), None, lambda _offset, length, exists: used.append(length * exists)
        )
    assert sum(used) <= 40 * MIB  # 24 MiB of data; objects of 4 MiB at the edges
    # Nothing is left to do, and a second create finds the image.
    assert not live_diff(created, inputs(first[0])).changes
    assert make(inputs(first[0])).outs == created.outs


def test_name_visibility_and_properties_are_updated_in_place(created, first):
    wanted = inputs(
        first[0], name="test-renamed", visibility="shared", properties={"os_type": "linux"}, min_ram_mb=256.0
    )
    created.outs = provider.update(created.id, created.outs, wanted).outs
    record = glance(created.outs["glance_id"])
    assert (record["name"], record["visibility"], record["min_ram"]) == ("test-renamed", "shared", 256)
    assert record["os_type"] == "linux"
    assert "os_distro" not in record
    assert not live_diff(created, wanted).changes


def test_drift_is_found_and_mended(created, first):
    with openstack_client.connect("lab-admin") as conn:
        conn.image.update_image(created.outs["glance_id"], name="meddled", os_distro="windows")
    with ceph.pool("images", "admin") as pool, rbd.Image(pool.ioctx, created.outs["glance_id"]) as image:
        image.unprotect_snap("snap")
    read = seen(created)
    assert read.inputs["name"] == "meddled"
    assert read.inputs["properties"] == {"os_distro": "windows"}
    assert read.outs["damage"] == ["snapshot snap is not protected"]
    created.outs = provider.update(created.id, read.outs, inputs(first[0])).outs
    assert not live_diff(created, inputs(first[0])).changes


def test_delete_of_a_protected_image_says_how(created, first):
    wanted = inputs(first[0], protected=True)
    created.outs = provider.update(created.id, created.outs, wanted).outs
    with pytest.raises(CloudError, match="protected: false"):
        provider.delete(created.id, created.outs)
    created.outs = provider.update(created.id, created.outs, inputs(first[0])).outs


def test_what_was_deleted_can_be_made_again(first):
    made = make(inputs(first[0]))
    provider.delete(made.id, made.outs)
    again = make(inputs(first[0]))
    provider.delete(again.id, again.outs)
    assert again.outs["glance_id"] != made.outs["glance_id"]  # Glance gives no id twice
    assert provider.read(again.id, again.outs).id == ""
    provider.delete(again.id, again.outs)


def test_an_image_that_lost_its_data_is_gone_and_made_again(created, first):
    with ceph.pool("images", "admin") as pool:
        with rbd.Image(pool.ioctx, created.outs["glance_id"]) as image:
            image.unprotect_snap("snap")
            image.remove_snap("snap")
        rbd.RBD().remove(pool.ioctx, created.outs["glance_id"])
    assert provider.read(created.id, created.outs).id == ""
    created.outs = make(inputs(first[0])).outs
    assert raw_digest_in_rbd(created.outs["glance_id"]) == first[1]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sha256": "0" * 64}, "nothing was imported"),
        ({"visibility": "public"}, "community"),
        ({"pool": "none"}, "no pool 'none'"),
        ({"ceph_user": "none"}, "no key for client.none"),
        ({"cloud": "none"}, "no usable entry 'none'"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence_and_leaves_nothing(first, changes, says):
    with pytest.raises(CloudError, match=says):
        make(inputs(first[0], **changes))


def test_a_compressed_raw_disk_is_imported_with_the_digest_of_the_published_file(second):
    published = second[0].with_suffix(".raw.zst")
    published.write_bytes(zstandard.compress(second[0].with_suffix(".raw").read_bytes()))
    made = make(inputs(published, source_format="raw"))
    try:
        assert raw_digest_in_rbd(made.outs["glance_id"]) == made.outs["sha512"] == second[1]
        assert not live_diff(made, inputs(published, source_format="raw")).changes
    finally:
        provider.delete(made.id, made.outs)


def test_a_source_that_breaks_off_leaves_nothing(first, tmp_path):
    broken = tmp_path / "broken.qcow2"
    broken.write_bytes(first[0].read_bytes()[: 4 * MIB])
    with pytest.raises(CloudError, match="cut off"):
        make(inputs(broken))


KILLED = """
import importlib, json, os, signal, sys
from dynamic_providers.rbd_image.provider import RbdImageProvider
module, _, name = sys.argv[1].rpartition(".")
module = importlib.import_module(module if "." in module else "dynamic_providers.rbd_image." + module)
original = getattr(module, name)
def dies(*args, **kwargs):
    if sys.argv[2] == "after":
        original(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(module, name, dies)
getattr(RbdImageProvider(), sys.argv[3])(*json.loads(sys.argv[4]))
"""


def killed(step, when, method, *arguments):
    """Runs a method of the provider, which is killed before or after a step of it."""
    died = subprocess.run(
        [sys.executable, "-c", KILLED, step, when, method, json.dumps(arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()


@pytest.mark.parametrize(
    ("step", "when"),
    [
        pytest.param("clients.glance.create", "after", marks=pytest.mark.nightly),
        pytest.param("store.take_snapshot", "before", marks=pytest.mark.nightly),
        ("store.take_snapshot", "after"),
        pytest.param("writer.write", "after", marks=pytest.mark.nightly),
        pytest.param("store.seal", "after", marks=pytest.mark.nightly),
        pytest.param("registration.register", "before", marks=pytest.mark.nightly),
        pytest.param("registration.register", "after", marks=pytest.mark.nightly),
    ],
)
def test_killed_at_any_step_the_next_create_converges_without_orphans(first, step, when):
    killed(step, when, "create", inputs(first[0]))
    result = make(inputs(first[0]))
    assert raw_digest_in_rbd(result.outs["glance_id"]) == first[1]
    provider.delete(result.id, result.outs)


def test_a_snapshot_whose_check_a_kill_cut_short_is_no_image(first):
    killed("store.take_snapshot", "after", "create", inputs(first[0]))
    with openstack_client.connect("lab-image-import") as conn:
        owner_tags = {"private_cloud_stack": STACK, "os_hidden": "true", "visibility": "all"}
        (record,) = conn.image.get("/images", params=owner_tags).json()["images"]
    with ceph.pool("images", "admin") as pool:
        with rbd.Image(pool.ioctx, record["id"]) as image:
            assert [snap["name"] for snap in image.list_snaps()] == ["snap"]
            prefix = image.stat()["block_name_prefix"]
        pool.ioctx.write(
            f"{prefix}.{0:016x}", b"bad", 12345
        )  # the disk error that the check would have found
    result = make(inputs(first[0]))
    try:
        assert result.outs["glance_id"] == record["id"]
        assert raw_digest_in_rbd(record["id"]) == first[1]
    finally:
        provider.delete(result.id, result.outs)


@pytest.mark.parametrize(
    "beginning",
    [pytest.param("its name", marks=pytest.mark.nightly), "its name and its entry in the pool's directory"],
)
def test_what_a_kill_left_of_an_rbd_image_that_was_being_made_is_no_obstacle(first, beginning):
    """Librbd makes the name's object, the directory's entry, and then the header."""
    killed("store._make_ready", "before", "create", inputs(first[0]))
    with openstack_client.connect("lab-image-import") as conn:
        owner_tags = {"private_cloud_stack": STACK, "os_hidden": "true", "visibility": "all"}
        (record,) = conn.image.get("/images", params=owner_tags).json()["images"]
    with ceph.pool("images", "admin") as pool:
        if beginning == "its name":
            own_id = b"deadbeef"
            pool.ioctx.write_full(f"rbd_id.{record['id']}", struct.pack("<I", len(own_id)) + own_id)
        else:
            rbd.RBD().create(pool.ioctx, record["id"], MIB)
            with rbd.Image(pool.ioctx, record["id"]) as image:
                header = f"rbd_header.{image.id()}"
            pool.ioctx.remove_object(header)
    result = make(inputs(first[0]))
    try:
        assert result.outs["glance_id"] == record["id"]
        assert raw_digest_in_rbd(record["id"]) == first[1]
    finally:
        provider.delete(result.id, result.outs)


@pytest.mark.parametrize(
    ("step", "when"),
    [
        pytest.param("clients.glance.create", "after", marks=pytest.mark.nightly),
        ("registration.register", "after"),
        pytest.param("clients.glance.apply", "after", marks=pytest.mark.nightly),
        pytest.param("clients.glance.delete", "before", marks=pytest.mark.nightly),
        pytest.param("clients.glance.delete", "after", marks=pytest.mark.nightly),
    ],
)
def test_killed_at_any_step_of_an_update_the_next_one_converges(created, second, step, when):
    former = created.outs["glance_id"]
    killed(step, when, "update", created.id, created.outs, inputs(second[0]))
    created.outs = provider.update(created.id, created.outs, inputs(second[0])).outs
    assert raw_digest_in_rbd(created.outs["glance_id"]) == second[1]
    assert glance(former) is None
    assert former not in rbd_names()
    assert not live_diff(created, inputs(second[0])).changes


@pytest.mark.parametrize(
    ("step", "when"),
    [
        pytest.param("clients.glance.delete", "before", marks=pytest.mark.nightly),
        ("clients.glance.delete", "after"),
        pytest.param("store.remove", "after", marks=pytest.mark.nightly),
    ],
)
def test_killed_at_any_step_of_a_delete_the_next_one_leaves_nothing(first, step, when):
    made = make(inputs(first[0]))
    killed(step, when, "delete", made.id, made.outs)
    provider.delete(made.id, made.outs)
    assert glance(made.outs["glance_id"]) is None
    assert made.outs["glance_id"] not in rbd_names()


@pytest.mark.parametrize("moment", ["before", pytest.param("after", marks=pytest.mark.nightly)])
def test_two_runs_of_the_same_import_at_once_end_with_one_image(first, monkeypatch, moment):
    """The other run begins while this one checks; this one's snapshot is protected before or after the other writes."""
    seal, write, others = store.seal, writer.write, []

    def other_run(image, sha512):
        def writes(*arguments):
            if moment == "before":
                seal(image, sha512)
            return write(*arguments)

        monkeypatch.setattr(store, "seal", seal)
        monkeypatch.setattr(writer, "write", writes)
        others.append(make(inputs(first[0])))
        seal(image, sha512)

    monkeypatch.setattr(store, "seal", other_run)
    result = make(inputs(first[0]))
    try:
        assert [other.outs for other in others] == [result.outs]
        assert raw_digest_in_rbd(result.outs["glance_id"]) == first[1]
        assert not live_diff(result, inputs(first[0])).changes
    finally:
        provider.delete(result.id, result.outs)


def test_a_killed_import_takes_its_decoder_with_it(first):
    stuck = KILLED.replace(
        "os.kill(os.getpid(), signal.SIGKILL)", "print('stuck', flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", stuck, "writer._copy", "before", "create", json.dumps([inputs(first[0])])],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"stuck\n"
        found = subprocess.run(["pgrep", "-P", str(child.pid)], capture_output=True, text=True, check=True)
        (decoder,) = found.stdout.split()
        child.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{decoder}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{decoder}").exists()
    result = make(inputs(first[0]))
    provider.delete(result.id, result.outs)


def test_a_generations_id_is_its_rbd_images_name_and_follows_from_its_identity(created, first):
    candidates = [generation_id(STACK, "test-golden", inputs(first[0])["sha256"], n) for n in range(200)]
    assert created.outs["glance_id"] in candidates
    assert created.outs["glance_id"] in rbd_names()
