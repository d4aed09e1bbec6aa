"""The image provider's check, diff and identity: no cloud is asked for any of them."""

import pytest
from pulumi.output import Unknown

from dynamic_providers.rbd_image.generation import generation_id
from dynamic_providers.rbd_image.provider import RbdImage, RbdImageArgs, RbdImageProvider

INPUTS = {
    "name": "debian-12",
    "source": "debian-12.qcow2",
    "sha256": "a" * 64,
    "cloud": "images",
    "pool": "images",
    "ceph_user": "image-import",
    "owner_stack": "private-cloud/dev",
    "__provider": "pickled",
}
OUTPUTS = {"glance_id": "id", "location": "rbd://f/images/id/snap", "size_bytes": 1024.0}
STATE = (
    RbdImageArgs.model_validate({k: v for k, v in INPUTS.items() if k != "__provider"}).model_dump() | OUTPUTS
)

provider = RbdImageProvider()


def failures(**changes):
    return [(item.property, item.reason) for item in provider.check({}, INPUTS | changes).failures]


def test_good_inputs_pass_the_check_without_the_provider_key():
    result = provider.check({}, dict(INPUTS))
    assert result.failures == []
    assert "__provider" not in result.inputs


def test_every_bad_input_is_named():
    found = failures(sha256="xyz", visibility="secret", pool="")
    assert {name for name, _ in found} == {"sha256", "visibility", "pool"}


def test_an_unknown_field_is_refused():
    assert [name for name, _ in failures(colour="red")] == ["colour"]


def test_a_value_that_is_not_known_yet_is_no_failure():
    assert failures(sha256=Unknown(), properties={"os_distro": Unknown()}) == []


@pytest.mark.parametrize("key", ["status", "os_hash_value", "private_cloud_stack", "os_glance_stage_host"])
def test_properties_that_glance_or_the_program_manage_are_refused(key):
    assert "kept by Glance" in failures(properties={key: "x"})[0][1]


IN_PLACE: list[tuple[str, object]] = [
    ("name", "debian-twelve"),
    ("sha256", "b" * 64),
    ("visibility", "community"),
    ("properties", {"os_distro": "debian"}),
    ("min_disk_gb", 5.0),
    ("min_ram_mb", 512.0),
    ("protected", True),
    ("owner_stack", "private-cloud/staging"),
]


@pytest.mark.parametrize(("field", "value"), IN_PLACE)
def test_these_fields_are_updated_in_place(field, value):
    result = provider.diff("debian-12", STATE, INPUTS | {field: value})
    assert result.changes
    assert not result.replaces


@pytest.mark.parametrize("field", ["source", "hash", "source_format"])
def test_where_the_same_content_comes_from_is_no_difference(field):
    changed = {"hash": "none", "source_format": "raw"}.get(field, "other")
    assert not provider.diff("debian-12", STATE, INPUTS | {field: changed}).changes


def test_another_pool_replaces_the_image():
    result = provider.diff("debian-12", STATE, INPUTS | {"pool": "fast"})
    assert result.replaces == ["pool"]
    assert result.delete_before_replace


def test_every_field_says_once_what_its_change_does_or_is_updated_in_place():
    kinds = (provider.replace_on, provider.connection_fields, provider.create_only_fields)
    in_place = {field for field, _ in IN_PLACE} | {"keep"}
    assert set(RbdImageArgs.model_fields) - frozenset().union(*kinds) == in_place
    assert sum(map(len, kinds)) + len(in_place) == len(RbdImageArgs.model_fields)


def test_the_same_inputs_are_no_difference():
    assert not provider.diff("debian-12", STATE, dict(INPUTS)).changes


def test_damage_that_a_refresh_found_is_a_difference():
    assert provider.diff(
        "debian-12", STATE | {"damage": ["snapshot snap is not protected"]}, dict(INPUTS)
    ).changes


def test_a_generations_id_follows_from_its_identity():
    first = generation_id("private-cloud/dev", "debian-12", "a" * 64)
    assert first == generation_id("private-cloud/dev", "debian-12", "a" * 64)
    others = {
        generation_id("private-cloud/prod", "debian-12", "a" * 64),
        generation_id("private-cloud/dev", "debian-13", "a" * 64),
        generation_id("private-cloud/dev", "debian-12", "b" * 64),
        generation_id("private-cloud/dev", "debian-12", "a" * 64, recreation=1),
    }
    assert len(others - {first}) == 4


def test_ids_of_images_that_exist_never_change():
    """Pinned: another value here means that every stack's images would be imported again."""
    assert generation_id("private-cloud/dev", "debian-12", "a" * 64) == "bf324524-9b5f-5e37-a693-3c4441eea25b"


def test_names_in_state_are_a_schema():
    assert RbdImage._resource_type_name == "dynamic/ceph:RbdImage"
    assert RbdImageProvider.__module__ == "dynamic_providers.rbd_image.provider"
    assert RbdImageProvider.__qualname__ == "RbdImageProvider"
