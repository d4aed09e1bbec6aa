"""What a preview tells of clones, against real Glances with other settings: it warns exactly where a copy is to come."""

import hashlib
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients import openstack as openstack_client
from components.storage.cloning import copies, look
from tests.lab.golden_image import at_the_lab, first, inputs, make, provider
from tests.lab.own_glance import own_account, own_glance
from tests.lab.own_stack import STACK, Config, own_stack

__all__ = ["at_the_lab", "first"]


BOTH: Any = ("cinder", "nova")


@pytest.fixture
def made(first):
    result = make(inputs(first[0]))
    yield result
    provider.delete(result.id, result.outs)


def seen_by(environment, monkeypatch):
    with monkeypatch.context() as own:
        for name, value in environment.items():
            own.setenv(name, value)
        with openstack_client.connect("own") as conn:
            return look(conn)


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    "roles", [("member", "service"), pytest.param(("member",), marks=pytest.mark.nightly)]
)
def test_a_glance_that_shows_no_location_has_nova_copy_whoever_looks(
    lab, admin, tmp_path, monkeypatch, roles
):
    glance = lab.url(lab.ports.glance)
    with own_account(admin, lab, tmp_path, glance, *roles) as environment:
        seen = seen_by(environment, monkeypatch)
    assert (seen.hiding, seen.showing, seen.silent) == ((glance,), (), ())
    assert seen.location_api == ("open" if "service" in roles else "closed")
    (message,) = copies(seen, BOTH)
    assert message.startswith(f"Nova would copy images, not clone them: Glance at {glance} shows no location")


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    "option", ["show_image_direct_url", pytest.param("show_multiple_locations", marks=pytest.mark.nightly)]
)
def test_where_glance_shows_locations_nobody_is_warned(lab, admin, tmp_path, monkeypatch, option):
    with (
        own_glance(lab, tmp_path, **{option: "true"}) as url,
        own_account(admin, lab, tmp_path, url, "member") as environment,
    ):
        seen = seen_by(environment, monkeypatch)
    assert url in seen.showing
    assert not list(copies(seen, BOTH))


@contextmanager
def own_region(admin: Any, public: str, internal: str) -> Iterator[str]:
    """A region of the catalogue in which Glance has these addresses."""
    region = admin.identity.create_region(id=f"test-{secrets.token_hex(4)}")
    service = admin.identity.find_service("glance", ignore_missing=False)
    made = [
        admin.identity.create_endpoint(
            service_id=service.id, interface=interface, url=url, region_id=region.id
        )
        for interface, url in (("public", public), ("internal", internal))
    ]
    try:
        yield region.id
    finally:
        for endpoint in made:
            admin.identity.delete_endpoint(endpoint)
        admin.identity.delete_region(region)


@pytest.mark.usefixtures("made")
def test_an_internal_glance_that_shows_them_is_enough(lab, admin, tmp_path, monkeypatch):
    public = lab.url(lab.ports.glance)
    with (
        own_glance(lab, tmp_path, show_image_direct_url="true") as internal,
        own_region(admin, public, internal) as region,
        own_account(admin, lab, tmp_path, public, "member") as environment,
    ):
        clouds = Path(environment["OS_CLIENT_CONFIG_FILE"])
        entries = yaml.safe_load(clouds.read_text(encoding="utf-8"))
        del entries["clouds"]["own"]["image_endpoint_override"]
        entries["clouds"]["own"]["region_name"] = region
        clouds.write_text(yaml.safe_dump(entries), encoding="utf-8")
        seen = seen_by(environment, monkeypatch)
    assert (seen.hiding, seen.showing) == ((public,), (internal,))
    assert not list(copies(seen, BOTH))


def declared(folder: Path, **store: Any) -> Config:
    raw, path = folder / "small.raw", folder / "small.qcow2"
    raw.write_bytes(b"content" * 1000)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "openstack": {"cloud": "lab-admin"},
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"} | store,
        "images": [{"name": f"test-{secrets.token_hex(3)}", "source": str(path), "sha256": digest}],
    }


@pytest.mark.usefixtures("lab")
def test_a_preview_warns_of_copies_and_leaves_out_who_need_not_clone(tmp_path):
    config = declared(tmp_path)
    with own_stack(tmp_path, config) as stack:
        printed = stack.program.succeed("preview", "--expect-no-changes", "--stack", STACK)
        assert "images: Nova would copy images, not clone them" in printed
        assert "Cinder would copy" not in printed
        config["image_store"]["cloned_by"] = ["cinder"]
        stack.declare(config)
        printed = stack.program.succeed("preview", "--expect-no-changes", "--stack", STACK)
        assert "would copy" not in printed
