"""The image provider against real Ceph and real Glance, driven as the engine drives it."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import rbd
import zstandard

from clients import ceph
from clients import openstack as openstack_client
from clients import rbd as rbd_client
from clients.errors import CloudError
from config.image import Image
from dynamic_providers.rbd_image import source, store, writer
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
    records,
    second,
    seen,
)
from tests.verified_source import verified

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


def assert_made_whole(first, record):
    """That the next create makes the generation of RECORD, to the last byte."""
    result = make(inputs(first[0]))
    try:
        assert result.outs["glance_id"] == record["id"]
        assert raw_digest_in_rbd(record["id"]) == first[1]
    finally:
        provider.delete(result.id, result.outs)


def owned_records():
    with openstack_client.connect("lab-image-import") as conn:
        return records(conn, private_cloud_stack=STACK)


def test_a_snapshot_whose_check_a_kill_cut_short_is_no_image(first):
    killed("store.take_snapshot", "after", "create", inputs(first[0]))
    (record,) = owned_records()
    with ceph.pool("images", "admin") as pool:
        with rbd.Image(pool.ioctx, record["id"]) as image:
            assert [snap["name"] for snap in image.list_snaps()] == ["snap"]
            prefix = image.stat()["block_name_prefix"]
        pool.ioctx.write(
            f"{prefix}.{0:016x}", b"bad", 12345
        )  # the disk error that the check would have found
    assert_made_whole(first, record)


@pytest.mark.parametrize(
    "beginning",
    [pytest.param("its name", marks=pytest.mark.nightly), "its name and its entry in the pool's directory"],
)
def test_what_a_kill_left_of_an_rbd_image_that_was_being_made_is_no_obstacle(first, beginning):
    """Librbd makes the name's object, the directory's entry, and then the header."""
    killed("store._make_ready", "before", "create", inputs(first[0]))
    (record,) = owned_records()
    with ceph.pool("images", "admin") as pool:
        if beginning == "its name":
            own_id = b"deadbeef"
            pool.ioctx.write_full(f"rbd_id.{record['id']}", struct.pack("<I", len(own_id)) + own_id)
        else:
            rbd.RBD().create(pool.ioctx, record["id"], MIB)
            with rbd.Image(pool.ioctx, record["id"]) as image:
                header = f"rbd_header.{image.id()}"
            pool.ioctx.remove_object(header)
    assert_made_whole(first, record)


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


def test_a_second_run_of_the_same_import_is_refused_and_the_first_one_ends_well(first, monkeypatch):
    """The other run begins while this one has written and not sealed; it must change nothing, whatever its source is."""
    seal, others = store.seal, []

    def other_run(image, sha512):
        monkeypatch.setattr(store, "seal", seal)
        with pytest.raises(store.BeingWrittenError, match="another run is importing"):
            make(inputs(first[0]))
        others.append(image)
        seal(image, sha512)

    monkeypatch.setattr(store, "seal", other_run)
    result = make(inputs(first[0]))
    try:
        assert others
        with (
            rbd_client.pool("images", "image-import", None) as pool,
            pytest.raises(store.BeingWrittenError, match="another run has just imported"),
            store.writable(pool.ioctx, result.outs["glance_id"]),
        ):
            pytest.fail("what is sealed could be written")
        assert raw_digest_in_rbd(result.outs["glance_id"]) == first[1]
        assert not live_diff(result, inputs(first[0])).changes
    finally:
        provider.delete(result.id, result.outs)


@pytest.fixture
def when_all_is_written(monkeypatch):
    """Has something done when the import has written everything and taken its snapshot, and holds the hash back until then."""
    written, write, hashed, done = threading.Event(), writer.write, source.hashed, list[None]()

    def writes(*arguments):
        result = write(*arguments)
        done.append(do[0]())
        written.set()
        return result

    def late(*arguments):
        assert written.wait(60), "nothing was written before it was hashed"
        return hashed(*arguments)

    do = [lambda: None]
    monkeypatch.setattr(writer, "write", writes)
    monkeypatch.setattr(source, "hashed", late)
    yield lambda what: do.__setitem__(0, what)
    assert done


def test_a_wrong_file_that_was_written_whole_before_it_was_known_is_taken_back(first, when_all_is_written):
    def look():
        (record,) = owned_records()
        assert (record["status"], record["os_hidden"]) == ("queued", True)
        with ceph.pool("images", "admin") as pool:
            stored = store.inspect(pool.ioctx, record["id"])
            assert stored
            assert stored.snapshot
            assert not stored.protected

    when_all_is_written(look)
    with pytest.raises(CloudError, match=f"{inputs(first[0])['sha256']}.*nothing was imported"):
        make(inputs(first[0], sha256="0" * 64))  # and `at_the_lab` finds nothing left


def test_a_file_that_changes_while_it_is_read_is_taken_back(first, tmp_path, when_all_is_written):
    """What is hashed is what was declared; what was written may be something else."""
    path = tmp_path / "changing.qcow2"
    path.write_bytes(first[0].read_bytes())

    def change():
        with path.open("r+b") as file:
            byte = file.read(1)
            file.seek(0)
            file.write(byte)

    wanted = inputs(path)
    when_all_is_written(change)
    with pytest.raises(CloudError, match="was changed while it was read: nothing was imported"):
        make(wanted)


def test_nothing_of_a_wrong_file_stays_where_its_import_was_killed(first, second):
    """It has data where the right file has a hole."""
    killed("store._make_ready", "before", "create", inputs(first[0]))
    (record,) = owned_records()
    with (
        rbd_client.pool("images", "image-import", None) as pool,
        verified(second[0], inputs(second[0])["sha256"], "qcow2", "test") as wrong,
        store.writable(pool.ioctx, record["id"]) as target,
    ):
        writer.write(wrong, target, pool, Image(name="test", source="-", hash="none"))
    assert_made_whole(first, record)


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
