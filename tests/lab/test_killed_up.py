"""A `pulumi up` that is killed while OpenStack makes what the state does not know yet: had again, once each."""

import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from openstack.connection import Connection

from tests.lab.cloud_stack import lab_environment
from tests.program_copy import ProgramCopy

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # openstacksdk, of its own

STACK = "killed"


@pytest.fixture
def suffix() -> str:
    return f"t{secrets.token_hex(3)}"


@pytest.fixture
def program(tmp_path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> Iterator[ProgramCopy]:
    environment = lab_environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = ProgramCopy.make(tmp_path / "killed", environment)
    declared = {
        "openstack": {"cloud": "lab-admin"},
        "domains": [{"name": f"corp-{suffix}"}],
        "projects": [{"name": f"tests-{suffix}", "domain": f"corp-{suffix}"}],
        "accounts": [
            {
                "name": f"robot-{suffix}",
                "domain": "Default",
                "password": {"generated": 1},
                "access": [{"roles": ["member"], "project": f"tests-{suffix}", "domain": f"corp-{suffix}"}],
            }
        ],
        "networks": [
            {"name": f"vms-{suffix}", "segments": [{"physical_network": "physnet1", "vlan": 958}]},
        ],
    }
    config = {f"private-cloud:{key}": value for key, value in declared.items()}
    made.stack(STACK, yaml.safe_dump({"config": config}, sort_keys=False))
    yield made
    made.succeed("state", "unprotect", "--all", "--yes", "--stack", STACK)
    made.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)


def kill_up_once(program: ProgramCopy, there: Callable[[], bool]) -> None:
    """Starts `pulumi up` and kills it with all its children as soon as THERE says so."""
    up = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, "--non-interactive"],
        cwd=program.folder,
        env=dict(program.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not there():
        assert up.poll() is None, "up ended before anything was there"
        assert time.monotonic() < deadline
    os.killpg(up.pid, signal.SIGKILL)
    up.wait()
    for process in Path("/proc").glob("[0-9]*"):  # the engine's plugins are in groups of their own, and stay
        with contextlib.suppress(OSError):
            if program.environment["PULUMI_BACKEND_URL"].encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
    program.succeed("cancel", "--yes", "--stack", STACK)


@pytest.mark.parametrize("first", ["domain", "user", "network"])
def test_what_a_killed_up_left_on_the_cloud_is_taken_over_and_nothing_is_made_twice(
    program: ProgramCopy, admin: Connection, suffix: str, first: str
) -> None:
    identity: Any = admin.identity  # the SDK's types have its v2 too

    def named(kind: str) -> list[str]:
        lists = {
            "domain": identity.domains,
            "project": identity.projects,
            "user": identity.users,
            "network": admin.network.networks,
        }
        return [live.name for live in lists[kind]() if live.name.endswith(suffix)]

    kill_up_once(program, lambda: bool(named(first)))
    done = program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    if done.returncode:  # it was killed before its state knew of something
        assert "pending operations" in done.stdout
        program.adopt(STACK, "--declared", "--yes")
        program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    for kind in ("domain", "project", "user", "network"):
        assert len(named(kind)) == 1, kind
