"""What a location names: a cluster that is not Glance's is refused, and data that another record shows is not deleted."""

import time
from contextlib import contextmanager

import pytest
import rbd

from clients import ceph
from clients import openstack as openstack_client
from clients.errors import CloudError, InUseError
from lab.own_ceph import own_ceph, with_osd
from tests.lab.golden_image import (
    at_the_lab,
    created,
    first,
    glance,
    inputs,
    live_diff,
    make,
    provider,
    raw_digest_in_rbd,
    recorded_names_of_test,
    second,
)
from tests.lab.own_glance import own_account, own_glance

__all__ = ["at_the_lab", "created", "first", "second"]


@pytest.fixture(scope="module")
def other_cluster(tmp_path_factory):
    """The ceph.conf of a cluster that is not Glance's, with a pool of the same name."""
    folder = tmp_path_factory.mktemp("ceph")
    with own_ceph(folder) as conf, with_osd(conf, "images"):
        yield conf


def images_in(conf):
    with ceph.pool("images", "admin", str(conf)) as pool:
        return [*rbd.RBD().list(pool.ioctx), *rbd.RBD().trash_list(pool.ioctx)]


def test_a_ceph_conf_of_another_cluster_than_glances_is_refused_before_a_byte_is_written(
    first, other_cluster
):
    with pytest.raises(CloudError, match=r"Glance's store is in Ceph cluster .* leads to cluster .* nothing"):
        make(inputs(first[0], ceph_conf=str(other_cluster), ceph_user="admin"))
    assert images_in(other_cluster) == []
    assert recorded_names_of_test() == set()


@pytest.fixture
def without_cluster_hint(lab, admin, tmp_path):
    """The environment of an account that registers by PATCH; of Glance's cluster it learns only from images' locations."""
    with (
        own_glance(lab, tmp_path, show_multiple_locations="true") as url,
        own_account(admin, lab, tmp_path, url, "member") as environment,
    ):
        yield environment


def test_where_nobody_tells_glances_cluster_its_refusal_leaves_nothing(
    first, other_cluster, without_cluster_hint, monkeypatch
):
    with monkeypatch.context() as own:
        for name, value in without_cluster_hint.items():
            own.setenv(name, value)
        # Whatever images of others the lab has at this time.
        own.setattr("dynamic_providers.rbd_image.locations._cluster_of_newest", lambda _conn: set())
        with pytest.raises(CloudError, match=r"Glance .*location"):
            make(inputs(first[0], cloud="own", ceph_conf=str(other_cluster), ceph_user="admin"))
    assert images_in(other_cluster) == []
    assert recorded_names_of_test() == set()


@contextmanager
def registered_elsewhere(location, **fields):
    """A second record, of somebody else's, with the same location; its own deletion would take the data."""
    body = {
        "name": "test-second-record",
        "disk_format": "raw",
        "container_format": "bare",
        "visibility": "community",
    }
    with openstack_client.connect("lab-image-import") as conn:
        other = conn.image.post("/images", json=body | fields).json()["id"]
        assert conn.image.post(f"/images/{other}/locations", json={"url": location}).ok
        deadline = time.monotonic() + 60
        while glance(other)["status"] != "active":
            assert time.monotonic() < deadline
            time.sleep(0.2)
    try:
        yield other
    finally:
        with openstack_client.connect("lab-admin") as conn:
            assert conn.image.delete(f"/images/{other}").ok


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, marks=pytest.mark.nightly),
        {"os_hidden": True},
        pytest.param({"visibility": "private"}, marks=pytest.mark.nightly),
    ],
)
def test_delete_is_refused_while_another_record_shows_the_data_and_names_it(first, fields):
    made = make(inputs(first[0]))
    with registered_elsewhere(made.outs["location"], **fields) as other:
        with pytest.raises(InUseError, match=rf"'test-second-record' \({other}\) shows the same RBD image"):
            provider.delete(made.id, made.outs)
        assert glance(made.outs["glance_id"])["status"] == "active"
        assert raw_digest_in_rbd(made.outs["glance_id"]) == first[1]
    provider.delete(made.id, made.outs)  # Glance has deleted the data with the other record


def test_a_former_generation_whose_data_another_record_shows_is_hidden_and_no_refresh_finds_it_collectable(
    created, first, second
):
    former = created.outs["glance_id"]
    with registered_elsewhere(created.outs["location"]):
        created.outs = provider.update(created.id, created.outs, inputs(second[0])).outs
        assert created.outs["retired"] == [former]
        assert glance(former)["os_hidden"]
        assert raw_digest_in_rbd(former) == first[1]
        assert not live_diff(created, inputs(second[0])).changes
    created.outs = provider.update(created.id, created.outs, inputs(second[0])).outs
    assert glance(former) is None


def test_with_trash_no_data_goes_that_another_record_shows(first):
    made = make(inputs(first[0], when_used="trash"))
    with registered_elsewhere(made.outs["location"]):
        with pytest.raises(InUseError, match="shows the same RBD image"):
            provider.delete(made.id, made.outs)
        assert raw_digest_in_rbd(made.outs["glance_id"]) == first[1]
    provider.delete(made.id, made.outs)


@pytest.mark.nightly
def test_where_only_images_locations_tell_glances_cluster_another_one_is_refused(
    created, first, other_cluster, without_cluster_hint, monkeypatch
):
    assert created.outs["location"]
    with monkeypatch.context() as own:
        for name, value in without_cluster_hint.items():
            own.setenv(name, value)
        with pytest.raises(CloudError, match=r"Glance's store is in Ceph cluster .* nothing was written"):
            make(
                inputs(
                    first[0], name="test-other", cloud="own", ceph_conf=str(other_cluster), ceph_user="admin"
                )
            )
    assert images_in(other_cluster) == []
