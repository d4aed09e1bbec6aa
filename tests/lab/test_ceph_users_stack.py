"""A cephx user in a stack of its own: its key rotates while the import works, and stands nowhere in the clear.

The tests change the stack in their order.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clients import ceph
from clients import ceph_users as users
from clients.errors import CloudError
from components.storage.ceph_users import CONF, keyring_name
from tests.lab.own_stack import STACK, OwnStack, own_stack

CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=images"}


@dataclass
class Import:
    """The stack, and every key that it ever had."""

    stack: OwnStack
    name: str
    folder: Path
    source: Path
    printed: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def config(self, *serials: int, caps: dict[str, str] = CAPS, image: bool = True) -> dict[str, Any]:
        return config(self.name, self.folder, self.source, *serials, caps=caps, image=image)

    def up(self, *serials: int, **changes: Any) -> None:
        self.stack.declare(self.config(*serials, **changes))
        self.printed.append(self.stack.up())
        self.learn_keys()

    def learn_keys(self) -> None:
        for path in self.folder.glob("*.keyring"):
            self.keys.add(path.read_text(encoding="utf-8").split("key = ")[1].strip())

    def logs_in(self, folder: Path, serial: int) -> None:
        """Connects with the files in FOLDER.

        Raises:
            CloudError: Ceph refuses.
        """
        with ceph.cluster(f"{self.name}.{serial}", str(folder / CONF)):
            pass


def config(
    name: str, folder: Path, source: Path, *serials: int, caps: dict[str, str] = CAPS, image: bool = True
) -> dict[str, Any]:
    images = [
        {"name": f"{name}-image", "source": str(source), "source_format": "raw", "sha256": sha256(source)}
    ]
    return {
        "openstack": {"cloud": "lab-admin"},
        "ceph": {"user": "admin", "conf": os.environ.get("CEPH_CONF", "")},
        "ceph_users": [{"name": name, "caps": caps, "serials": list(serials), "folder": str(folder)}],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": name},
        "images": images if image else [],
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Import]:
    base = tmp_path_factory.mktemp("cephx")
    name, source = f"test-{secrets.token_hex(3)}", base / "disk.raw"
    source.write_bytes(secrets.token_bytes(1 << 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab_ceph_conf()))
        with own_stack(base / "stack", config(name, base / "ceph", source, 1)) as stack:
            found = Import(stack, name, base / "ceph", source)
            found.learn_keys()
            yield found
        assert not (base / "ceph").exists(), "the stack left its folder"
        assert not [entity for entity in live() if name in entity], "the stack left users"


def lab_ceph_conf() -> Path:
    from lab.settings import Lab  # noqa: PLC0415 - read here alone

    return Lab().ceph_conf


def live() -> set[str]:
    """Every entity of Ceph, and every note of whose one is."""
    with ceph.cluster("admin") as handle:
        found = {entry["entity"] for entry in ceph.command(handle, "auth ls")["auth_dump"]}
        return found | set(ceph.command(handle, "config-key ls"))


def test_the_import_works_with_the_user_that_the_same_stack_made(imports: Import) -> None:
    image = imports.stack.outputs["images"][f"{imports.name}-image"]
    assert image["location"].endswith(f"/images/{image['glance_id']}/snap")
    assert imports.stack.outputs["ceph_users"][imports.name]["user"] == f"{imports.name}.1"


def test_a_preview_is_empty_after_a_refresh(imports: Import) -> None:
    imports.stack.preview_is_empty("--refresh")


def test_the_outputs_are_files_with_which_the_real_rbd_works(imports: Import, tmp_path: Path) -> None:
    for file_name, target in ((CONF, CONF), ("keyring", keyring_name(f"{imports.name}.1"))):
        text = imports.stack.program.succeed(
            "stack", "output", f"ceph/{imports.name}/{file_name}", "--show-secrets", "--stack", STACK
        )
        (tmp_path / target).write_text(text, encoding="utf-8")
    command = ["rbd", "--conf", str(tmp_path / CONF), "--id", f"{imports.name}.1"]
    command += ["--keyring", str(tmp_path / keyring_name(f"{imports.name}.1")), "ls", "images"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert listed.returncode == 0, listed.stderr
    assert imports.stack.outputs["images"][f"{imports.name}-image"]["glance_id"] in listed.stdout.split()


def test_without_the_passphrase_no_output_shows_what_is_in_the_files(imports: Import) -> None:
    assert imports.stack.outputs[f"ceph/{imports.name}/keyring"] == "[secret]"


def test_caps_change_in_place(imports: Import) -> None:
    caps = CAPS | {"osd": "profile rbd pool=images, profile rbd-read-only pool=volumes"}
    imports.stack.declare(imports.config(1, caps=caps))
    # Until it is done Pulumi does not know that the key stays, so the files may be among what is planned.
    planned = imports.stack.planned()
    assert planned.pop(("LoginFiles", imports.name), {"update"}) == {"update"}
    assert planned == {("User", f"{imports.name}.1"): {"update"}}
    imports.up(1, caps=caps)
    assert len(imports.keys) == 1
    imports.stack.preview_is_empty("--refresh")
    imports.up(1)


def test_meddled_caps_and_files_are_found_by_a_refresh_and_mended(imports: Import) -> None:
    with ceph.cluster("admin") as handle:
        wider = ["mon", "profile rbd", "osd", "profile rbd"]
        ceph.command(handle, "auth caps", entity=f"client.{imports.name}.1", caps=wider)
    (imports.folder / keyring_name(f"{imports.name}.1")).chmod(0o644)
    planned = imports.stack.program.succeed("preview", "--refresh", "--diff", "--stack", STACK)
    assert f"{imports.name}.1" in planned
    # The import's own look at its image needs the caps that were taken.
    imports.printed.append(
        imports.stack.up("--refresh", "--target-dependents", "--target", f"**{imports.name}.1")
    )
    imports.printed.append(imports.stack.up("--refresh"))
    imports.stack.preview_is_empty("--refresh")
    assert (imports.folder / keyring_name(f"{imports.name}.1")).stat().st_mode & 0o777 == 0o600


def test_a_machine_that_begins_empty_gets_the_login_back_before_the_import_needs_it(imports: Import) -> None:
    shutil.rmtree(imports.folder)
    imports.printed.append(imports.stack.up("--refresh", "--target", "**ceph:LoginFiles::**"))
    imports.logs_in(imports.folder, 1)
    imports.stack.preview_is_empty("--refresh")


@pytest.mark.nightly
def test_rights_that_were_taken_away_are_given_back_by_looking_at_the_user_alone(imports: Import) -> None:
    with ceph.cluster("admin") as handle:
        ceph.command(handle, "auth caps", entity=f"client.{imports.name}.1", caps=["mon", "profile rbd"])
    # The import's own look at its image needs those rights, so a refresh of everything fails.
    done = imports.stack.program.pulumi("refresh", "--yes", "--stack", STACK)
    assert done.returncode != 0
    assert f"client.{imports.name}.1 may not" in done.stdout
    imports.stack.program.succeed("refresh", "--yes", "--target", "**ceph:User::**", "--stack", STACK)
    imports.printed.append(imports.stack.up())
    imports.stack.preview_is_empty("--refresh")


def test_the_old_key_works_until_its_serial_is_dropped_and_the_import_goes_on(
    imports: Import, tmp_path: Path
) -> None:
    imports.up(1, 2)
    assert len(imports.keys) == 2
    imports.stack.preview_is_empty()
    # What a machine was given keeps working, beside the new one.
    delivered = tmp_path / "delivered"
    shutil.copytree(imports.folder, delivered)
    conf = (delivered / CONF).read_text(encoding="utf-8")
    (delivered / CONF).write_text(conf.replace(str(imports.folder), str(delivered)), encoding="utf-8")
    imports.logs_in(delivered, 1)
    imports.logs_in(delivered, 2)
    assert imports.stack.outputs["ceph_users"][imports.name]["user"] == f"{imports.name}.2"
    imports.up(2)
    with pytest.raises(CloudError, match=f"refuse the key of client.{imports.name}.1"):
        imports.logs_in(delivered, 1)
    imports.logs_in(delivered, 2)
    assert sorted(path.name for path in imports.folder.iterdir()) == [
        keyring_name(f"{imports.name}.2"),
        CONF,
    ]
    imports.stack.preview_is_empty("--refresh")


def test_a_login_that_may_not_make_users_fails_the_preview_in_one_sentence(imports: Import) -> None:
    declared = imports.config(2)
    declared["ceph"] = {"user": f"{imports.name}.2", "conf": str(imports.folder / CONF)}
    declared["ceph_users"][0]["name"] = f"{imports.name}-other"
    declared["ceph_users"][0]["folder"] = str(imports.folder.with_name("other"))
    declared["image_store"]["ceph_user"] = f"{imports.name}-other"
    imports.stack.declare(declared)
    done = imports.stack.program.pulumi("preview", "--stack", STACK)
    assert done.returncode != 0
    assert f"ceph.user: client.{imports.name}.2 may not make cephx users" in done.stdout
    assert users.RIGHTS in done.stdout
    assert "Traceback" not in done.stdout
    imports.stack.declare(imports.config(2))


def test_no_key_stands_in_the_clear_in_state_history_or_what_was_printed(imports: Import) -> None:
    assert len(imports.keys) >= 2
    exported = imports.stack.program.succeed("stack", "export", "--stack", STACK)
    base = imports.stack.program.folder.parent
    kept = [
        path.read_bytes()
        for path in base.rglob("*")
        if path.is_file() and not path.is_symlink() and "/project/." not in str(path)
    ]
    assert kept, "there is a state with history"
    for key in imports.keys:
        assert key not in exported
        assert not [printed for printed in imports.printed if key in printed]
        assert not [content for content in kept if key.encode() in content]
