"""The order of a forced replacement by the real engine, with a FAKE OpenStack plugin that writes down what it is asked.

What the fake does not prove: that the cloud is as declared afterwards. tests/lab/test_replace.py shows that.
"""

import json
from pathlib import Path

import pytest
import yaml

from tests.engine.held_up import stack_with_log
from tests.program_copy import ProgramCopy

STACK = "replaced"
CONFIG = {
    "private-cloud:openstack": {"cloud": "admin"},
    "private-cloud:networks": [{"name": "vms", "segments": [{"physical_network": "physnet1", "vlan": 200}]}],
    "private-cloud:projects": [{"name": "lab", "domain": "Default"}],
}
REPLACED = {"vms": "Network", "lab@default": "Project"}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def program(tmp_path: Path, log: Path) -> ProgramCopy:
    return stack_with_log(tmp_path, log, STACK, yaml.safe_dump({"config": CONFIG}))


def custom(program: ProgramCopy) -> dict[str, dict[str, object]]:
    """The state's custom resources of OpenStack, by their URN."""
    exported = json.loads(program.succeed("stack", "export", "--stack", STACK))
    return {
        resource["urn"]: resource
        for resource in exported["deployment"]["resources"]
        if resource["type"].startswith("openstack:")
    }


def deleted_first(log: Path) -> None:
    """Fails unless each was deleted and then created."""
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 * len(REPLACED), lines
    for name in REPLACED:
        assert [line for line in lines if line.endswith(name)] == [f"delete {name}", f"create {name}"]


def test_a_replace_by_hand_deletes_first_and_then_creates(program: ProgramCopy, log: Path) -> None:
    urns = list(custom(program))
    assert len(urns) == len(REPLACED)
    replaces = [f"--replace={urn}" for urn in urns]
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK, *replaces)
    deleted_first(log)


def test_a_tainted_resource_is_deleted_first_and_then_created(program: ProgramCopy, log: Path) -> None:
    program.succeed("state", "taint", "--yes", "--stack", STACK, *custom(program))
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    deleted_first(log)


def test_a_replaced_provider_takes_nothing_along(program: ProgramCopy, log: Path) -> None:
    exported = json.loads(program.succeed("stack", "export", "--stack", STACK))
    urn = next(
        resource["urn"]
        for resource in exported["deployment"]["resources"]
        if resource["type"] == "pulumi:providers:openstack"
    )
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK, f"--replace={urn}")
    assert not log.exists()
