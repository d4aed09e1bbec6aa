"""Images that are in Ceph before their stack knows of them: published by a command, or adopted as they are.

A stack of its own, which the tests change in their order.
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import rbd

from clients import ceph
from lab.settings import Lab
from tests.lab.cloud_stack import lab_environment
from tests.lab.own_stack import STACK, OwnStack, own_stack
from tests.lab.small_image import image
from tests.program_copy import ROOT

__all__ = ["image"]  # a fixture of the last test's

WHOSE = f"private-cloud/{STACK}"


@dataclass
class Builder:
    """Who builds images, and the stack that takes them."""

    stack: OwnStack
    name: str
    folder: Path

    def build(self) -> tuple[str, str]:
        """A disk with new content: its path and its SHA-256."""
        path = self.folder / f"{secrets.token_hex(4)}.raw"
        path.write_bytes(secrets.token_bytes(2 << 20))
        return str(path), hashlib.sha256(path.read_bytes()).hexdigest()

    def declare(self, *digests: str, **fields: Any) -> None:
        """The image with this content, from a source that is not there: who reads it fails."""
        self.stack.declare(config(self.name, *digests, **fields))


def config(name: str, *digests: str, **fields: Any) -> dict[str, Any]:
    gone = "/nowhere/disk.raw"
    return {
        "openstack": {"cloud": "lab-admin"},
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"},
        "images": [
            {"name": name, "source": gone, "source_format": "raw", "sha256": digest} | fields
            for digest in digests
        ],
    }


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Builder]:
    name, folder = f"test-{secrets.token_hex(3)}", tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        with own_stack(folder / "stack", config(name)) as stack:
            yield Builder(stack, name, folder)
        assert records(name) == [], "the stack left what was published for it"


def publish(name: str, source: str, digest: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "operations.publish_image", "--stack", WHOSE, "--name", name]
    command += ["--source", source, "--source-format", "raw", "--sha256", digest]
    command += ["--cloud", "lab-image-import", "--pool", "images", "--ceph-user", "image-import", *more]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | lab_environment(), capture_output=True, text=True, check=False
    )


def published(name: str, source: str, digest: str, *more: str) -> dict[str, Any]:
    done = publish(name, source, digest, *more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def records(name: str, *, hidden: bool | None = None) -> list[dict[str, Any]]:
    """Glance's records of an image, by its stamp; the hidden ones, the others, or all."""
    return records_of({"private_cloud_image": name}, hidden=hidden)


def records_of(wanted: dict[str, str], *, hidden: bool | None = None) -> list[dict[str, Any]]:
    import openstack  # noqa: PLC0415 - with the lab's environment, which the stack sets

    environment = lab_environment()
    found = openstack.config.OpenStackConfig(
        config_files=[environment["OS_CLIENT_CONFIG_FILE"]], load_envvars=False
    )
    with openstack.connection.Connection(config=found.get_one("lab-admin")) as cloud:
        return [
            record
            for state in ([True, False] if hidden is None else [hidden])
            for record in cloud.image.get(
                "/images",
                params={**wanted, "visibility": "all", "os_hidden": str(state).lower()},
            ).json()["images"]
        ]


def record_of(image_id: str) -> dict[str, Any]:
    (found,) = records_of({"id": image_id})
    return found


def made_at(image_id: str) -> Any:
    """When the RBD image was made: a copy would have another time."""
    with ceph.pool("images", "admin") as pool, rbd.Image(pool.ioctx, image_id, read_only=True) as image:
        return image.create_timestamp()


def test_what_was_published_is_taken_by_the_next_up_which_copies_nothing(builder: Builder) -> None:
    source, digest = builder.build()
    first = published(builder.name, source, digest)
    assert (first["copied"], first["taken"], first["size_bytes"]) == (True, False, 2 << 20)
    assert [record["id"] for record in records(builder.name, hidden=True)] == [first["glance_id"]]
    before = made_at(first["glance_id"])
    builder.declare(digest)
    builder.stack.up()
    image = builder.stack.outputs["images"][builder.name]
    assert (image["glance_id"], image["location"]) == (first["glance_id"], first["location"])
    assert made_at(first["glance_id"]) == before
    (record,) = records(builder.name)
    assert not record["os_hidden"]
    assert "private_cloud_published" not in record
    builder.stack.preview_is_empty("--refresh")


def test_a_preview_refuses_a_source_that_is_not_there_unless_glance_has_its_content(builder: Builder) -> None:
    (current,) = records(builder.name)
    digests = current["private_cloud_source_sha256"], "0" * 64
    wanted = config(builder.name, digests[0])
    wanted["images"] += config(f"{builder.name}-new", digests[1])["images"]
    builder.stack.declare(wanted)
    done = builder.stack.program.pulumi("preview", "--stack", STACK)
    assert done.returncode != 0
    assert "images[1]: source '/nowhere/disk.raw' cannot be read: No such file or directory." in done.stdout
    assert "images[0]" not in done.stdout
    assert "Traceback" not in done.stdout
    builder.declare(digests[0])


def test_publishing_what_the_stack_has_changes_nothing(builder: Builder) -> None:
    (before,) = records(builder.name)
    found = published(builder.name, "/nowhere/disk.raw", before["private_cloud_source_sha256"])
    assert (found["copied"], found["taken"], found["glance_id"]) == (False, True, before["id"])
    assert records(builder.name) == [before]


def test_new_content_waits_unseen_until_the_stack_names_it(builder: Builder) -> None:
    (current,) = records(builder.name)
    source, digest = builder.build()
    waiting = published(builder.name, source, digest)
    again = published(builder.name, source, digest)
    assert (again["glance_id"], again["copied"]) == (waiting["glance_id"], False)
    assert [record["id"] for record in records(builder.name, hidden=False)] == [current["id"]]
    # A refresh of the stack does not take it for a former generation that can go.
    builder.stack.preview_is_empty("--refresh")
    builder.declare(digest)
    builder.stack.up("--refresh")
    assert builder.stack.outputs["images"][builder.name]["glance_id"] == waiting["glance_id"]
    assert [record["id"] for record in records(builder.name)] == [waiting["glance_id"]]
    builder.stack.preview_is_empty("--refresh")


@pytest.mark.nightly
def test_only_the_newest_that_wait_are_kept(builder: Builder) -> None:
    (current,) = records(builder.name)
    builds = [builder.build() for _ in range(3)]
    messages = [published(builder.name, *build, "--keep", "2") for build in builds]
    assert messages[2]["removed"] == [messages[0]["glance_id"]]
    assert {record["id"] for record in records(builder.name, hidden=True)} == {
        messages[1]["glance_id"],
        messages[2]["glance_id"],
    }
    assert [record["id"] for record in records(builder.name, hidden=False)] == [current["id"]]


@pytest.mark.nightly
def test_an_image_that_was_renamed_takes_what_is_published_under_its_new_name(builder: Builder) -> None:
    (current,) = records(builder.name, hidden=False)
    former, builder.name = builder.name, f"{builder.name}-renamed"
    builder.declare(current["private_cloud_source_sha256"], renamed_from=former)
    builder.stack.up()
    source, digest = builder.build()
    waiting = published(builder.name, source, digest)
    builder.declare(digest)
    builder.stack.up()
    assert builder.stack.outputs["images"][builder.name]["glance_id"] == waiting["glance_id"]
    builder.stack.preview_is_empty("--refresh")


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (("--source-format", "qcow2"), 3, "is not QCOW2"),
        pytest.param(("--sha256", "0" * 64), 3, "nothing was imported", marks=pytest.mark.nightly),
        pytest.param(("--visibility", "public"), 3, "no public image", marks=pytest.mark.nightly),
        pytest.param(("--pool", "none"), 3, "no pool 'none'", marks=pytest.mark.nightly),
        pytest.param(("--ceph-user", "none"), 3, "no key for client.none", marks=pytest.mark.nightly),
        (("--colour", "red"), 2, "unrecognized arguments"),
    ],
)
def test_what_fails_is_an_exit_code_and_one_sentence_and_leaves_nothing(
    builder: Builder, more: tuple[str, ...], code: int, says: str
) -> None:
    source, digest = builder.build()
    name = f"test-{secrets.token_hex(3)}"
    done = publish(name, source, digest, *more)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert records(name) == []


def test_an_image_that_was_there_is_adopted_as_it_is_and_the_next_preview_is_empty(
    builder: Builder,
    image: Any,  # that Glance itself made of an upload, as `openstack image create` does
) -> None:
    digest, before = secrets.token_hex(32), made_at(image.id)
    builder.name = image.name
    fields = {"adopt": image.id, "visibility": "community", "properties": {"os_distro": "debian"}}
    builder.declare(digest, **fields)
    done = builder.stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert done.returncode != 0
    assert "its os_distro is None, and 'debian' is declared" in done.stdout
    builder.declare(digest, **(fields | {"properties": {}}))
    builder.stack.up()
    adopted = builder.stack.outputs["images"][image.name]
    assert (adopted["glance_id"], adopted["size_bytes"]) == (image.id, record_of(image.id)["size"])
    assert made_at(image.id) == before
    builder.stack.preview_is_empty("--refresh")
    # It is protected while `adopt` is there; later content replaces it like any other.
    source, newer = builder.build()
    builder.stack.declare(config(image.name, newer, visibility="community", source=source))
    builder.stack.up()
    assert builder.stack.outputs["images"][image.name]["glance_id"] != image.id
    builder.stack.preview_is_empty("--refresh")
