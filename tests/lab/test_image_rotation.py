"""What becomes of an image's former generations, and of what is in use when its image is removed."""

import subprocess

import pytest
import rbd

from clients import ceph
from clients.errors import InUseError
from tests.lab.golden_image import (
    CLONE,
    at_the_lab,
    clone_of,
    created,
    first,
    glance,
    inputs,
    live_diff,
    make,
    provider,
    raw_digest_in_rbd,
    rbd_names,
    remove_clone,
    second,
    seen,
)

__all__ = ["at_the_lab", "created", "first", "second"]


def test_new_content_is_a_new_generation_under_the_same_name_and_the_former_goes(created, second):
    former = created.outs["glance_id"]
    created.outs = provider.update(created.id, created.outs, inputs(second[0])).outs
    current = created.outs["glance_id"]
    assert current != former
    assert glance(former) is None
    assert former not in rbd_names()
    assert raw_digest_in_rbd(current) == second[1]


def test_a_former_generation_in_use_is_hidden_until_it_is_free(created, second):
    former = created.outs["glance_id"]
    clone_of(former)
    try:
        created.outs = provider.update(created.id, created.outs, inputs(second[0])).outs
        assert created.outs["retired"] == [former]
        assert glance(former)["os_hidden"]
        assert not live_diff(created, inputs(second[0])).changes
    finally:
        remove_clone()
    read = seen(created)
    assert provider.diff(created.id, read.outs, inputs(second[0])).changes
    created.outs = provider.update(created.id, read.outs, inputs(second[0])).outs
    assert created.outs["retired"] == []
    assert glance(former) is None


def test_delete_names_the_clones_that_still_use_the_snapshot_and_changes_nothing(created, first):
    clone_of(created.outs["glance_id"])
    try:
        with pytest.raises(InUseError, match=f"images/{CLONE}"):
            provider.delete(created.id, created.outs)
    finally:
        remove_clone()
    assert not live_diff(created, inputs(first[0])).changes


def test_the_newest_former_generations_are_kept_and_going_back_copies_nothing(created, first, second):
    former = created.outs["glance_id"]
    created.outs = provider.update(created.id, created.outs, inputs(second[0], keep=1)).outs
    assert created.outs["retired"] == [former]
    assert glance(former)["os_hidden"]
    assert glance(former)["name"].startswith("test-golden (replaced 20")
    assert not live_diff(created, inputs(second[0], keep=1)).changes
    back = inputs(first[0], keep=1) | {"source": "/nonexistent/it-needs-no-source.qcow2"}
    created.outs = provider.update(created.id, created.outs, back).outs
    assert created.outs["glance_id"] == former
    assert (glance(former)["os_hidden"], glance(former)["name"]) == (False, "test-golden")
    created.outs = provider.update(created.id, created.outs, inputs(first[0])).outs
    assert created.outs["retired"] == []


@pytest.mark.nightly
def test_fewer_to_keep_is_a_change_that_removes_the_rest(created, second):
    former = created.outs["glance_id"]
    created.outs = provider.update(created.id, created.outs, inputs(second[0], keep=3)).outs
    assert provider.diff(created.id, created.outs, inputs(second[0])).changes
    created.outs = provider.update(created.id, created.outs, inputs(second[0])).outs
    assert glance(former) is None
    assert former not in rbd_names()


def test_removed_in_use_an_image_is_hidden_and_another_ones_update_collects_it(first, second):
    leaving = make(inputs(first[0], name="test-leaving", when_used="hide"))
    staying = make(inputs(second[0], name="test-staying"))
    left = leaving.outs["glance_id"]
    try:
        clone_of(left)
        try:
            provider.delete(leaving.id, leaving.outs)
            assert glance(left)["os_hidden"]
            assert glance(left)["name"].startswith("test-leaving (removed 20")
            assert not live_diff(staying, inputs(second[0], name="test-staying")).changes
        finally:
            remove_clone()
        read = seen(staying)
        assert read.outs["damage"] == [f"image {glance(left)['name']!r} ({left}) can go"]
        staying.outs = provider.update(staying.id, read.outs, inputs(second[0], name="test-staying")).outs
        assert glance(left) is None
        assert left not in rbd_names()
    finally:
        provider.delete(staying.id, staying.outs)


def test_an_image_that_was_removed_in_use_can_be_declared_again(first):
    wanted = inputs(first[0], when_used="hide")
    made = make(wanted)
    clone_of(made.outs["glance_id"])
    try:
        provider.delete(made.id, made.outs)
        again = make(wanted)
        assert again.outs["glance_id"] == made.outs["glance_id"]
        record = glance(again.outs["glance_id"])
        assert (record["name"], record["os_hidden"]) == ("test-golden", False)
        assert "private_cloud_removed" not in record
    finally:
        remove_clone()
    provider.delete(again.id, again.outs)
    assert glance(again.outs["glance_id"]) is None


def test_a_protected_image_is_not_hidden_by_removing_it(first):
    wanted = inputs(first[0], when_used="hide", protected=True)
    made = make(wanted)
    clone_of(made.outs["glance_id"])
    try:
        with pytest.raises(InUseError, match=f"images/{CLONE}"):
            provider.delete(made.id, made.outs)
    finally:
        remove_clone()
    made.outs = provider.update(made.id, made.outs, wanted | {"protected": False}).outs
    provider.delete(made.id, made.outs)


def clone_of_format(image_id, clone_format):
    # Debian's Python binding cannot choose it.
    subprocess.run(
        [
            *("rbd", "--id", "admin", f"--rbd-default-clone-format={clone_format}"),
            *("clone", f"images/{image_id}@snap", f"images/{CLONE}"),
        ],
        check=True,
    )


def test_what_is_in_use_goes_to_the_trash_and_its_clones_live_on(first):
    made = make(inputs(first[0], when_used="trash"))
    image_id = made.outs["glance_id"]
    clone_of_format(image_id, 2)
    try:
        provider.delete(made.id, made.outs)
        assert glance(image_id) is None
        with ceph.pool("images", "admin") as pool:
            (trashed,) = [item for item in rbd.RBD().trash_list(pool.ioctx) if item["name"] == image_id]
            with rbd.Image(pool.ioctx, CLONE) as clone:
                assert clone.parent_id() == trashed["id"]
                assert clone.read(0, 512) != bytes(512)
    finally:
        remove_clone()
    with ceph.pool("images", "admin") as pool:
        rbd.RBD().trash_remove(pool.ioctx, trashed["id"])
    assert image_id not in rbd_names()


@pytest.mark.nightly
def test_clones_of_the_old_format_keep_their_parent_out_of_the_trash(first):
    made = make(inputs(first[0], when_used="trash"))
    clone_of_format(made.outs["glance_id"], 1)
    try:
        with pytest.raises(InUseError, match=rf"images/{CLONE} are clones of the old format.*rbd flatten"):
            provider.delete(made.id, made.outs)
        assert raw_digest_in_rbd(made.outs["glance_id"]) == first[1]
    finally:
        remove_clone()
    provider.delete(made.id, made.outs)
