"""`make report` against the real cloud: who is on what changes, what drifted, and what becomes of an image.

The tests go through one story in the order in which they stand here.
"""

import hashlib
import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.own_stack import STACK, Config, OwnStack, own_stack
from tests.lab.small_image import image

__all__ = ["image"]


SFX = f"t{secrets.token_hex(3)}"
NET, DOMAIN, PROJECT, GOLDEN = f"vms-{SFX}", f"corp-{SFX}", f"development-{SFX}", f"golden-{SFX}"
MIB = 1 << 20


def source(folder: Path, name: str) -> tuple[str, str]:
    """A QCOW2 with other content for each NAME: its path and SHA-256."""
    raw, path = folder / f"{name}.raw", folder / f"{name}.qcow2"
    raw.write_bytes(hashlib.shake_256(name.encode()).digest(8 * MIB))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    return str(path), hashlib.sha256(path.read_bytes()).hexdigest()


def declared(golden: tuple[str, str], *, vlan: int = 976, **project: Any) -> Config:
    return {
        "openstack": {"cloud": "lab-admin"},
        "domains": [{"name": DOMAIN}],
        "projects": [{"name": PROJECT, "domain": DOMAIN, **project}],
        "grants": [
            {
                "role": "member",
                "user": {"name": "ci-runner", "domain": "Default"},
                "scope": {"project": PROJECT, "domain": DOMAIN},
            }
        ],
        "networks": [
            {
                "name": NET,
                "segments": [{"physical_network": "physnet1", "vlan": vlan}],
                "shared": True,
                "subnets": [{"name": "v4", "cidr": "10.94.0.0/24"}],
            }
        ],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"},
        "images": [{"name": GOLDEN, "source": golden[0], "sha256": golden[1], "visibility": "community"}],
    }


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("sources")
    return [source(folder, "first"), source(folder, "second")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, sources: list[tuple[str, str]]) -> Iterator[OwnStack]:
    with own_stack(tmp_path_factory.mktemp("report"), declared(sources[0])) as up:
        yield up


def report_of(stack: OwnStack, *arguments: str, code: int = 0) -> tuple[dict[str, Any], str, str]:
    """The report as data, as Markdown and as a page."""
    folder = stack.program.folder
    done = stack.program.report(
        STACK, "--json", str(folder / "r.json"), "--html", str(folder / "r.html"), *arguments
    )
    assert done.returncode == code, done.stdout
    data: dict[str, Any] = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    return data, done.stdout, (folder / "r.html").read_text(encoding="utf-8")


def change(data: dict[str, Any], what: str) -> dict[str, Any]:
    (found,) = (one for one in data["changes"] if one["what"] == what)
    return dict(found)


def depending(found: dict[str, Any]) -> dict[str, Any]:
    return {fact["what"]: fact.get("count") for fact in found["depending"]}


@pytest.mark.nightly
def test_where_nothing_changes_and_nothing_drifted_the_report_says_so(stack: OwnStack) -> None:
    data, markdown, _ = report_of(stack, "--fail-on", "harmless")
    assert data["changes"] == []
    assert data["drift"] == []
    assert "nothing changes" in markdown
    assert "None: the cloud is as the last `up` left it." in markdown


def test_a_port_and_an_instance_of_a_project_are_in_the_way_of_another_vlan(
    stack: OwnStack,
    sources: list[tuple[str, str]],
    image: Any,
) -> None:
    admin: Any = stack.admin
    network = admin.network.find_network(NET)
    project = admin.identity.find_project(PROJECT)
    port = admin.network.create_port(network_id=network.id, project_id=project.id)
    flavor = admin.compute.create_flavor(name=NET, ram=64, vcpus=1, disk=1)
    server = admin.compute.create_server(
        name=f"server-{SFX}", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    try:
        admin.compute.wait_for_server(server, wait=120)
        stack.declare(declared(sources[0], vlan=977))
        data, markdown, page = report_of(stack, "--fail-on", "needs-a-person", code=3)
    finally:
        stack.declare(declared(sources[0]))
        admin.compute.delete_server(server)
        admin.compute.wait_for_delete(server, wait=120)
        admin.compute.delete_flavor(flavor)
        admin.network.delete_port(port)
    found = change(data, "network")
    assert (found["operation"], found["risk"]) == ("replace", "needs a person")
    assert depending(found) == {"instances": 1, "ports": 2, "projects": 2}
    assert [fact["names"] for fact in found["depending"] if fact["what"] == "instances"] == [
        [f"server-{SFX}"]
    ]
    assert found["replaced_because"] == ["segments (replaced: the old one is removed, a new one made)"]
    assert change(data, "subnet")["operation"] == "replace"
    assert data["touched"]["networks"] == [NET]
    assert f"server-{SFX}" in markdown
    assert "VLAN 977" in page
    assert "user ci-runner@Default: member" in page


@pytest.mark.nightly
def test_without_anything_on_it_the_same_change_only_interrupts(
    stack: OwnStack, sources: list[tuple[str, str]]
) -> None:
    stack.declare(declared(sources[0], vlan=977))
    data, _, _ = report_of(stack, "--fail-on", "loses-data", "--no-drift")
    stack.declare(declared(sources[0]))
    assert change(data, "network")["risk"] == "interrupts"
    assert depending(change(data, "network")) == {"instances": 0, "ports": 0, "projects": 0}


def test_what_somebody_changed_by_hand_is_drift(stack: OwnStack) -> None:
    admin: Any = stack.admin
    network = admin.network.find_network(NET)
    golden = next(admin.image.images(name=GOLDEN, visibility="all"))
    admin.network.update_network(network, description="by hand")
    admin.image.update_image(golden, min_ram=64)  # of a dynamic resource
    data, markdown, page = report_of(stack)
    assert data["changes"] == []
    assert data["drift"] == [
        {"what": f"image {GOLDEN}", "key": "min_ram_mb", "declared": "0", "real": "64"},
        {"what": f"network {NET}", "key": "description", "declared": "", "real": "by hand"},
    ]
    for text in (markdown, page):
        assert "by hand" in text
    admin.network.update_network(network, description="")
    admin.image.update_image(golden, min_ram=0)


def test_new_content_of_an_image_is_harmless_and_those_made_from_the_old_are_counted(
    stack: OwnStack, sources: list[tuple[str, str]]
) -> None:
    admin: Any = stack.admin
    golden = next(admin.image.images(name=GOLDEN, visibility="all"))
    volume = admin.block_storage.create_volume(name=f"disk-{SFX}", size=1, image_id=golden.id)
    try:
        admin.block_storage.wait_for_status(volume, failures=["error"], wait=120)
        stack.declare(declared(sources[1]))
        data, _, page = report_of(stack)
        found = change(data, "image")
        assert (found["operation"], found["risk"]) == ("update", "harmless")
        assert depending(found) == {"instances": 0, "volumes": 1, "clones in Ceph": 1}
        (clones,) = (fact for fact in found["depending"] if fact["what"] == "clones in Ceph")
        assert f"volume-{volume.id}" in json.dumps(clones)
        assert "will be imported" in page
        stack.up()
        _, _, page = report_of(stack, "--no-drift")
        assert f"{golden.id[:8]}: former" in page, "the former generation is in the lineage"
        without = {key: value for key, value in declared(sources[1]).items() if key != "images"}
        stack.declare(without)
        data, _, _ = report_of(stack, "--no-drift")
        stack.declare(declared(sources[1]))
        assert change(data, "image")["risk"] == "needs a person"
    finally:
        admin.block_storage.delete_volume(volume)
        admin.block_storage.wait_for_delete(volume, wait=120)


def test_a_project_with_nothing_in_it_still_has_users(
    stack: OwnStack, sources: list[tuple[str, str]]
) -> None:
    gone = declared(sources[1])
    stack.declare({**gone, "projects": [], "grants": []})
    data, _, _ = report_of(stack, "--no-drift")
    stack.declare(gone)
    found = change(data, "project")
    assert found["risk"] == "interrupts"
    assert depending(found) == {"instances": 0, "volumes": 0, "ports": 0, "users": 1}


def test_an_account_that_is_no_administrator_knows_nothing_rather_than_none(
    stack: OwnStack, sources: list[tuple[str, str]]
) -> None:
    # Without grants: whether the preview gets to the network before it fails for a role's name is a matter of luck.
    config = {**declared(sources[1], description="another"), "grants": []}
    stack.declare({**config, "openstack": {"cloud": "lab-image-import"}})
    done = stack.program.report(STACK, "--no-drift", "--json", str(stack.program.folder / "r.json"))
    stack.declare(declared(sources[1]))
    data = json.loads((stack.program.folder / "r.json").read_text(encoding="utf-8"))
    facts = [fact for one in data["changes"] for fact in one["depending"]]
    assert [fact for fact in facts if fact.get("count") == 0] == [], "none, where it could not look"
    unknown = [fact for fact in facts if "not_known" in fact]
    assert unknown, done.stdout
    reasons = [fact["not_known"] for fact in unknown if fact["what"] != "clones in Ceph"]
    assert reasons
    assert [reason for reason in reasons if "no role admin" not in reason] == []
