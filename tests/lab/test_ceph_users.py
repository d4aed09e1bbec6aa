"""cephx users against real Ceph: made by a login that may do no more, used by the real `rbd`, and gone without trace."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import rados

from clients import ceph
from clients import ceph_users as users
from clients.errors import CloudError
from components.storage.ceph_users import CONF, ceph_conf, keyring, keyring_name
from dynamic_providers.ceph_user.provider import CephUserProvider
from lab.settings import Lab
from tests.program_copy import ROOT

pytestmark = pytest.mark.xdist_group(name="ceph")

STACK = "private-cloud/test-ceph-users"
CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=images"}
OWN = "test-users-"  # tests beside these have users of their own
provider = CephUserProvider()


@pytest.fixture(autouse=True)
def nobody_is_left(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lab's Ceph in this process, and afterwards no user or note that was not there before."""
    monkeypatch.setenv("CEPH_CONF", str(lab.ceph_conf))
    before = entities() | notes()
    yield
    assert (entities() | notes()) - before == set(), "the test left users or notes in Ceph"


@contextmanager
def admin() -> Iterator[rados.Rados]:
    with ceph.cluster("admin") as handle:
        yield handle


def entities() -> set[str]:
    with admin() as handle:
        found = ceph.command(handle, "auth ls")["auth_dump"]
    return {entry["entity"] for entry in found if OWN in entry["entity"]}


def notes() -> set[str]:
    with admin() as handle:
        return {
            key
            for key in ceph.command(handle, "config-key ls")
            if key.startswith(users.OWNER_PREFIX) and OWN in key
        }


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A login that may make users and no more: its name, and the ceph.conf that leads to its key."""
    name = f"{OWN}maker-{secrets.token_hex(3)}"
    with admin() as handle:
        made = ceph.command(handle, "auth get-or-create", entity=f"client.{name}", caps=["mon", users.RIGHTS])
        write_login(tmp_path / "maker", name, made[0]["key"], users.monitors(handle))
    yield {"login": name, "ceph_conf": str(tmp_path / "maker" / CONF)}
    with admin() as handle:
        ceph.command(handle, "auth rm", entity=f"client.{name}")


def write_login(folder: Path, user: str, key: str, monitors: users.Monitors) -> None:
    folder.mkdir(exist_ok=True)
    (folder / CONF).write_text(ceph_conf(monitors.fsid, monitors.mon_host, str(folder)))
    (folder / keyring_name(user)).write_text(keyring(user, key))


@pytest.fixture
def inputs(maker: dict[str, str]) -> dict[str, Any]:
    return {"user": f"{OWN}{secrets.token_hex(3)}.1", "caps": CAPS, "owner_stack": STACK, **maker}


@pytest.fixture
def made(inputs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The state of a user, as the engine would keep it; tests may change it."""
    state = provider.create(inputs).outs
    assert state
    yield state
    provider.delete(inputs["user"], state)


def rbd(folder: Path, user: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The real `rbd` of Ceph, with nothing but the rendered files."""
    command = ["rbd", "--conf", str(folder / CONF), "--id", user, *words]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CEPH")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean, timeout=120)


def test_the_rendered_login_works_with_the_real_rbd_in_its_pool_and_no_other(
    made: dict[str, Any], tmp_path: Path
) -> None:
    write_login(tmp_path / "own", made["user"], made["key"], users.Monitors(made["fsid"], made["mon_host"]))
    image = f"images/test-{secrets.token_hex(3)}"
    assert rbd(tmp_path / "own", made["user"], "create", "--size", "8M", image).returncode == 0
    assert rbd(tmp_path / "own", made["user"], "rm", "--no-progress", image).returncode == 0
    refused = rbd(tmp_path / "own", made["user"], "ls", "volumes")
    assert refused.returncode != 0
    assert "Operation not permitted" in refused.stderr


def test_other_caps_count_at_once_and_the_key_stays(
    made: dict[str, Any], inputs: dict[str, Any], tmp_path: Path
) -> None:
    wanted = inputs | {"caps": CAPS | {"osd": "profile rbd pool=images, profile rbd-read-only pool=volumes"}}
    changed = provider.update(made["user"], made, wanted).outs
    assert changed
    assert changed["key"] == made["key"]
    write_login(tmp_path / "own", made["user"], made["key"], users.Monitors(made["fsid"], made["mon_host"]))
    assert rbd(tmp_path / "own", made["user"], "ls", "volumes").returncode == 0
    read = provider.read(made["user"], changed).outs
    assert read
    assert not provider.diff(made["user"], read, wanted).changes


def test_caps_that_somebody_changed_are_found_and_mended(
    made: dict[str, Any], inputs: dict[str, Any]
) -> None:
    with admin() as handle:
        ceph.command(handle, "auth caps", entity=f"client.{made['user']}", caps=["mon", "allow *"])
    read = provider.read(made["user"], made)
    assert read.inputs
    assert read.outs
    assert read.inputs["caps"] == {"mon": "allow *"}
    assert provider.diff(made["user"], read.outs, inputs).changes
    provider.update(made["user"], read.outs, inputs)
    with admin() as handle:
        found = users.find(handle, made["user"])
    assert found
    assert found.caps == CAPS


def test_a_user_that_somebody_removed_is_gone_and_made_anew(
    made: dict[str, Any], inputs: dict[str, Any]
) -> None:
    with admin() as handle:
        ceph.command(handle, "auth rm", entity=f"client.{made['user']}")
    assert provider.read(made["user"], made).id == ""
    again = provider.create(inputs).outs
    assert again
    assert again["key"] != made["key"]


KILLED = """
import json, os, signal, sys
from clients import ceph
from dynamic_providers.ceph_user.provider import CephUserProvider
original, prefix, when, inputs = ceph.command, *sys.argv[1:]
def dies(handle, asked, **rest):
    if asked != prefix:
        return original(handle, asked, **rest)
    if when == "after":
        original(handle, asked, **rest)
    os.kill(os.getpid(), signal.SIGKILL)
ceph.command = dies
given = json.loads(inputs)
if prefix in ("auth rm", "config-key rm"):
    CephUserProvider().delete(given["user"], given)
else:
    CephUserProvider().create(given)
"""


def kill_at(prefix: str, when: str, given: dict[str, Any]) -> None:
    died = subprocess.run(
        [sys.executable, "-c", KILLED, prefix, when, json.dumps(given)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["config-key set", "auth get-or-create", "mon dump"])
def test_killed_at_any_step_the_next_create_converges(inputs: dict[str, Any], step: str, when: str) -> None:
    kill_at(step, when, inputs)
    with admin() as handle:
        left = users.find(handle, inputs["user"])
    # Other caps by then: the monitors' own get-or-create would refuse that.
    wanted = inputs | {"caps": {"mon": "allow r"}}
    state = provider.create(wanted).outs
    assert state
    assert left is None or state["key"] == left.key
    read = provider.read(inputs["user"], state).outs
    assert read
    assert not provider.diff(inputs["user"], read, wanted).changes
    provider.delete(inputs["user"], state)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["auth rm", "config-key rm"])
def test_killed_in_a_removal_the_next_one_leaves_nothing(
    inputs: dict[str, Any], step: str, when: str
) -> None:
    state = provider.create(inputs).outs
    assert state
    kill_at(step, when, state)
    provider.delete(inputs["user"], state)
    provider.delete(inputs["user"], state)  # gone already


def test_another_stacks_user_is_left_alone(made: dict[str, Any], inputs: dict[str, Any]) -> None:
    with pytest.raises(CloudError, match=f"belongs to stack {STACK}"):
        provider.create(inputs | {"owner_stack": "private-cloud/other"})
    with admin() as handle:
        found = users.find(handle, made["user"])
    assert found
    assert found.key == made["key"]


def test_a_user_of_before_is_adopted_as_it_is_and_outlives_the_stack(inputs: dict[str, Any]) -> None:
    entity = f"client.{inputs['user']}"
    with admin() as handle:
        before = ceph.command(
            handle,
            "auth get-or-create",
            entity=entity,
            caps=["mon", "profile rbd", "osd", "allow r pool=images"],
        )[0]
    try:
        with pytest.raises(CloudError, match="belongs to somebody else"):
            provider.create(inputs)
        with pytest.raises(CloudError, match="adopting changes nothing"):
            provider.create(inputs | {"adopted": True})
        as_it_is = inputs | {"adopted": True, "caps": before["caps"]}
        state = provider.create(as_it_is).outs
        assert state
        assert state["key"] == before["key"]
        read = provider.read(inputs["user"], state).outs
        assert read
        assert not provider.diff(inputs["user"], read, as_it_is).changes
        provider.delete(inputs["user"], state)
        assert entity in entities()
    finally:
        with admin() as handle:
            ceph.command(handle, "auth rm", entity=entity)


def test_a_login_without_the_right_is_told_which_caps_it_needs_and_changes_nothing(
    made: dict[str, Any], inputs: dict[str, Any], tmp_path: Path
) -> None:
    write_login(tmp_path / "own", made["user"], made["key"], users.Monitors(made["fsid"], made["mon_host"]))
    unable = inputs | {
        "user": "test-never.1",
        "login": made["user"],
        "ceph_conf": str(tmp_path / "own" / CONF),
    }
    with pytest.raises(
        users.NoRightsError, match=f"client.{made['user']} may not make cephx users"
    ) as caught:
        provider.create(unable)
    assert users.RIGHTS in str(caught.value)
    with (
        pytest.raises(users.NoRightsError),
        users.connected(unable["login"], unable["ceph_conf"]) as handle,
    ):
        users.refuse_without_rights(handle)


def test_the_least_login_passes_the_look_at_its_rights(maker: dict[str, str]) -> None:
    with users.connected(maker["login"], maker["ceph_conf"]) as handle:
        users.refuse_without_rights(handle)


@pytest.mark.parametrize("name", ["test" + "x" * 124, "test..a_b-C.9", "test-1e5", "test.client.admin"])
def test_awkward_names_that_are_allowed_work_to_the_end(
    inputs: dict[str, Any], tmp_path: Path, name: str
) -> None:
    state = provider.create(inputs | {"user": name}).outs
    assert state
    write_login(tmp_path / "own", name, state["key"], users.Monitors(state["fsid"], state["mon_host"]))
    assert rbd(tmp_path / "own", name, "ls", "images").returncode == 0
    provider.delete(name, state)


def test_a_cap_that_ceph_does_not_read_is_its_own_sentence_and_leaves_no_user(inputs: dict[str, Any]) -> None:
    with pytest.raises(CloudError, match="osd capability parse failed, stopped at") as caught:
        provider.create(inputs | {"caps": CAPS | {"osd": "allow rwx pol=images"}})
    assert "\n" not in str(caught.value)
    assert f"client.{inputs['user']}" not in entities()
