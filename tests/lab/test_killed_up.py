"""A `pulumi up` that is killed while OpenStack makes what the state does not know yet: one command, then up goes on."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from openstack.connection import Connection

from operations.repair.orphans import orphans
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
    """Starts `pulumi up` and kills it as soon as THERE says so; its plugins, in groups of their own, stay."""
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
    refused = program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert "the stack is currently locked by 1 lock(s)" in refused.stdout
    repaired = program.repair(STACK)
    assert repaired.returncode == 0, repaired.stdout
    assert not orphans(program.folder)
    printed = program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    assert "pending operations" not in printed
    assert "not locked, and nothing is pending" in program.repair(STACK).stdout
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    for kind in ("domain", "project", "user", "network"):
        assert len(named(kind)) == 1, kind
