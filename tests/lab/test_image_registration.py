"""Both ways by which Glance learns where an image's data is, against real Glances: what each needs and what each shows."""

import sys

import pytest

from clients import openstack as openstack_client
from clients.errors import CloudError
from dynamic_providers.rbd_image import registration, store
from tests.lab.golden_image import (
    at_the_lab,
    first,
    inputs,
    live_diff,
    make,
    provider,
    raw_digest_in_rbd,
    rbd_names,
)
from tests.lab.own_glance import own_account, own_glance

__all__ = ["at_the_lab", "first"]


def test_by_the_location_api_no_user_learns_where_the_data_is(lab, admin, first, tmp_path, monkeypatch):
    made = make(inputs(first[0]))
    try:
        with (
            own_account(
                admin, lab, tmp_path, lab.url(lab.ports.glance), "member", project="test-users"
            ) as user,
            monkeypatch.context() as own,
        ):
            own.setenv("OS_CLIENT_CONFIG_FILE", user["OS_CLIENT_CONFIG_FILE"])
            with openstack_client.connect("own") as conn:
                record = conn.image.get(f"/images/{made.outs['glance_id']}").json()
        assert record["status"] == "active"
        assert not {"locations", "direct_url"} & set(record)
    finally:
        provider.delete(made.id, made.outs)


def test_by_patch_an_account_without_the_role_service_registers_where_the_operator_opened_it(
    lab, admin, first, tmp_path, monkeypatch
):
    with (
        own_glance(lab, tmp_path, show_multiple_locations="true") as url,
        own_account(admin, lab, tmp_path, url, "member") as environment,
        monkeypatch.context() as own,
    ):
        for name, value in environment.items():
            own.setenv(name, value)
        made = make(inputs(first[0], cloud="own"))
        try:
            with openstack_client.connect("own") as conn:
                record = conn.image.get(f"/images/{made.outs['glance_id']}").json()
            assert record["status"] == "active"
            assert record["os_hash_value"] == first[1]
            (location,) = record["locations"]
            assert location["url"] == made.outs["location"]
            assert raw_digest_in_rbd(made.outs["glance_id"]) == first[1]
            assert not live_diff(made, inputs(first[0], cloud="own")).changes
        finally:
            provider.delete(made.id, made.outs)


def test_where_neither_way_is_open_the_refusal_says_how_to_open_one(lab, admin, first, tmp_path, monkeypatch):
    with (
        own_account(admin, lab, tmp_path, lab.url(lab.ports.glance), "member") as environment,
        monkeypatch.context() as own,
    ):
        for name, value in environment.items():
            own.setenv(name, value)
        with pytest.raises(
            CloudError, match="`service` is missing, and show_multiple_locations is off"
        ) as error:
            make(inputs(first[0], cloud="own"))
        assert "give the import's account the role `service`" in str(error.value)


def test_a_hash_that_glance_does_not_find_in_the_data_is_one_sentence_and_the_next_run_converges(
    lab, admin, first, tmp_path, monkeypatch
):
    """Glance verifies here (do_secure_hash, its default): it takes the location back, and the RBD image with it."""
    sealed, made_in_rbd = store.seal, []

    def corrupt(image, sha512):
        made_in_rbd.append(image.get_name())
        sealed(image, sha512)
        image.metadata_set(store.SHA512_KEY, "0" * 128)

    with (
        own_glance(lab, tmp_path, do_secure_hash="true") as url,
        own_account(admin, lab, tmp_path, url, "service", "member") as environment,
        monkeypatch.context() as own,
    ):
        for name, value in environment.items():
            own.setenv(name, value)
        with monkeypatch.context() as patch:
            patch.setattr(store, "seal", corrupt)
            patch.setattr(registration, "register", lambda *_: sys.exit("as if it were killed"))
            with pytest.raises(SystemExit):
                make(inputs(first[0], cloud="own"))
        with pytest.raises(
            CloudError, match=r"Glance did not accept .* SHA-512 is not the one that was told"
        ) as caught:
            make(inputs(first[0], cloud="own"))
        assert len(str(caught.value).splitlines()) == 1
        assert not set(made_in_rbd) & rbd_names()
        made = make(inputs(first[0], cloud="own"))
        try:
            assert made.outs["sha512"] == first[1]
            assert raw_digest_in_rbd(made.outs["glance_id"]) == first[1]
        finally:
            provider.delete(made.id, made.outs)
