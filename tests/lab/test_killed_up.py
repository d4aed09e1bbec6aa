"""A `pulumi up` that is killed while OpenStack makes what the state does not know yet: one command, then up goes on."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from openstack.connection import Connection

from operations.repair.orphans import orphans
from tests.lab.cloud_stack import lab_environment
from tests.program_copy import ProgramCopy
from tests.soak.held_create import state_file, stop_after_create
from tests.soak.process_tree import RunningPulumi

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # openstacksdk, of its own

STACK = "killed"
UP = ("up", "--yes", "--skip-preview", "--stack", STACK)
MOMENTS = [
    ("domain", "openstack:identity/project:Project", "tree"),
    ("user", "openstack:identity/user:User", "tree"),
    ("project", "openstack:identity/project:Project", "openstack plugin"),
    ("network", "openstack:networking/network:Network", "openstack plugin"),
    ("subnet", "openstack:networking/subnet:Subnet", "engine"),
    ("share", "openstack:networking/rbacPolicyV2:RbacPolicyV2", "tree"),
]
"""What is made when something is killed, each in the `up` after the one before; with the plugin alone dead the engine
takes the create for failed, and the state has nothing pending."""


@pytest.fixture
def suffix() -> str:
    return f"t{secrets.token_hex(3)}"


def declared(suffix: str, kinds: list[str]) -> str:
    """A stack file with those KINDS, and nothing else that takes time."""
    domain, project = f"corp-{suffix}", f"tests-{suffix}"
    network: dict[str, Any] = {
        "name": f"vms-{suffix}",
        "segments": [{"physical_network": "physnet1", "vlan": 958}],
    }
    if "subnet" in kinds:
        network["subnets"] = [{"name": f"vms-v4-{suffix}", "cidr": "10.198.7.0/24"}]
    if "share" in kinds:
        network["shared_with"] = [{"project": project, "domain": domain}]
    robot = {"name": f"robot-{suffix}", "domain": domain, "password": {"generated": 1}}
    sections: dict[str, list[dict[str, Any]]] = {
        "domains": [{"name": domain}] if "domain" in kinds else [],
        "accounts": [robot] if "user" in kinds else [],
        "projects": [{"name": project, "domain": domain}] if "project" in kinds else [],
        "networks": [network] if "network" in kinds else [],
    }
    config = {f"private-cloud:{key}": value for key, value in sections.items()}
    return yaml.safe_dump(
        {"config": {"private-cloud:openstack": {"cloud": "lab-admin"}, **config}}, sort_keys=False
    )


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> Iterator[ProgramCopy]:
    environment = lab_environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = ProgramCopy.make(tmp_path / "killed", environment)
    made.stack(STACK, declared(suffix, []))
    yield made
    made.succeed("state", "unprotect", "--all", "--yes", "--stack", STACK)
    made.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)


def things(admin: Connection, suffix: str) -> dict[str, list[str]]:
    """The ids of what the cloud holds of the stack, by kind."""
    identity: Any = admin.identity  # the SDK's types have its v2 too
    network = admin.network
    domains = list(identity.domains(name=f"corp-{suffix}"))
    networks = list(network.networks(name=f"vms-{suffix}"))
    found: dict[str, list[Any]] = {
        "domain": domains,
        "user": [user for domain in domains for user in identity.users(domain_id=domain.id)],
        "project": list(identity.projects(name=f"tests-{suffix}")),
        "network": networks,
        "subnet": [subnet for live in networks for subnet in network.subnets(network_id=live.id)],
        "share": [share for live in networks for share in network.rbac_policies(object_id=live.id)],
    }
    return {kind: [thing.id for thing in there] for kind, there in found.items()}


def kill_in_create(program: ProgramCopy, type_: str, victim: str, there: Callable[[], bool]) -> None:
    """Starts `up` and kills VICTIM after the cloud has made what is of TYPE_, before the state knows it."""
    up = RunningPulumi.start(program, program.folder.parent / "up.log", *UP)
    try:
        stop_after_create(up, state_file(program, STACK), type_, there)
        assert up.kill(victim)
    finally:
        up.thaw() if up.is_running else None
    if victim == "openstack plugin":
        assert up.wait(60) != 0


def test_what_a_killed_up_left_on_the_cloud_is_taken_over_and_nothing_is_made_twice(
    program: ProgramCopy, admin: Connection, suffix: str
) -> None:
    made: list[str] = []
    for kind, type_, victim in MOMENTS:
        made.append(kind)
        program.file(STACK).write_text(declared(suffix, made), encoding="utf-8")
        kill_in_create(program, type_, victim, lambda kind=kind: bool(things(admin, suffix)[kind]))
        repaired = program.repair(STACK)
        assert repaired.returncode == 0, f"{kind}: {repaired.stdout}"
        assert not orphans(program.folder)
    printed = program.succeed(*UP)
    assert "pending operations" not in printed
    assert "not locked, and nothing is pending" in program.repair(STACK).stdout
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    assert {kind: len(ids) for kind, ids in things(admin, suffix).items()} == dict.fromkeys(made, 1)
