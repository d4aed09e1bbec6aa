"""A cephx user that may not ask every pool for clones: told at preview and before a destroy, and never taken for clones."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.settings import Lab
from operations.destroy import refusals
from tests.lab.own_stack import STACK, OwnStack, own_stack
from tests.lab.test_image_cloning import declared

USER = "client.test-blind"
BLIND = "allow rwx pool=images"
ENOUGH = "profile rbd pool=images"


def ceph(*words: str) -> str:
    """What `ceph WORDS` prints, as the lab's administrator."""
    command = ["ceph", "-c", str(Lab().ceph_conf), "--id", "admin", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def blind(lab: Lab, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - it runs
    """The path of a ceph.conf that knows the user."""
    key = ceph("auth", "get-or-create", USER, "mon", "profile rbd", "osd", ENOUGH)
    keyring, conf = tmp_path / "keyring", tmp_path / "ceph.conf"
    keyring.write_text(key, encoding="utf-8")
    text = Lab().ceph_conf.read_text(encoding="utf-8")
    conf.write_text(f"{text}\n[{USER}]\nkeyring = {keyring}\n", encoding="utf-8")
    yield conf
    ceph("auth", "del", USER)


def set_caps(osd: str) -> None:
    """Has the user have these caps for OSDs."""
    ceph("auth", "caps", USER, "mon", "profile rbd", "osd", osd)


def refused(stack: OwnStack) -> list[str]:
    """What `make destroy` would say."""
    state: dict[str, Any] = json.loads(stack.program.succeed("stack", "export", "--stack", STACK))
    return list(refusals(state))


def test_a_user_that_cannot_see_clones_is_told_at_preview_and_before_a_destroy(
    blind: Path, tmp_path: Path
) -> None:
    config = declared(tmp_path, ceph_user=USER.removeprefix("client."), ceph_conf=str(blind), cloned_by=[])
    with own_stack(tmp_path / "stack", config) as stack:
        assert "could not be seen" not in stack.program.succeed("preview", "--stack", STACK)
        assert refused(stack) == []
        set_caps(BLIND)
        try:
            printed = stack.program.succeed("preview", "--stack", STACK)
            assert "no image could be removed, because its clones could not be seen" in printed
            assert "Add to its osd caps 'allow class-read object_prefix rbd_children'" in printed
            (sentence,) = refused(stack)
            assert "has clones cannot be told: client.test-blind may not ask pool " in sentence
            assert "volumes" in sentence
            set_caps(f"{BLIND}, allow class-read object_prefix rbd_children")
            assert refused(stack) == [], "the sentence's advice is enough"
        finally:
            set_caps(ENOUGH)


def test_a_protected_image_stops_a_destroy_before_it_begins(lab: Lab, tmp_path: Path) -> None:  # noqa: ARG001
    config = declared(tmp_path, cloned_by=[])
    config["images"][0]["protected"] = True
    with own_stack(tmp_path / "stack", config) as stack:
        done = stack.program.looks_before_destroy(STACK)
        assert done.returncode == 1
        assert "cannot be destroyed; nothing was removed" in done.stdout
        assert "is protected in Glance" in done.stdout
        config["images"][0]["protected"] = False
        stack.declare(config)
        stack.up()
        assert stack.program.looks_before_destroy(STACK).returncode == 0
