"""A `pulumi up` that is killed while OpenStack makes what the state does not know yet: one command, then up goes on."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from openstack.connection import Connection

from operations.repair.kinds import AFTER_A_KILL, After
from operations.repair.left_behind import orphans
from tests.lab.cloud_stack import lab_environment
from tests.program_copy import ProgramCopy
from tests.soak.held_create import TooLateError, state_file, stop_after_create
from tests.soak.process_tree import RunningPulumi

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
TRIES = 3
KINDS = [kind for kind, _, _ in MOMENTS]


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
    made.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)


def ids(admin: Connection, suffix: str, kind: str) -> list[str]:
    """The ids of what the cloud holds of the stack's KIND."""
    identity: Any = admin.identity  # the SDK's types have its v2 too
    network = admin.network
    match kind:
        case "domain":
            found = list(identity.domains(name=f"corp-{suffix}"))
        case "user":
            (domain,) = ids(admin, suffix, "domain")
            found = list(identity.users(domain_id=domain))
        case "project":
            found = list(identity.projects(name=f"tests-{suffix}"))
        case "network":
            found = list(network.networks(name=f"vms-{suffix}"))
        case "subnet":
            (vms,) = ids(admin, suffix, "network")
            found = list(network.subnets(network_id=vms))
        case _:
            (vms,) = ids(admin, suffix, "network")
            found = list(network.rbac_policies(object_id=vms))
    return [thing.id for thing in found]


def is_there(admin: Connection, suffix: str, kind: str) -> bool:
    """Whether the cloud has the stack's KIND."""
    return bool(ids(admin, suffix, kind))


def has_two_networks(admin: Connection, suffix: str) -> bool:
    """Whether the stack's network is there beside the foreign one."""
    return len(ids(admin, suffix, "network")) > 1


def kill_in_create(
    program: ProgramCopy, without: str, type_: str, victim: str, there: Callable[[], bool]
) -> None:
    """Starts `up` and kills VICTIM after the cloud has made what is of TYPE_, before the state knows it.

    Where the state was faster, the stack goes back to the stack file WITHOUT it and it is tried again.
    """
    part = victim if victim == "openstack plugin" else "engine"
    wanted = program.file(STACK).read_text(encoding="utf-8")
    for _ in range(TRIES):
        up = RunningPulumi.start(program.cold, program.folder.parent / "up.log", *UP)
        try:
            stop_after_create(up, state_file(program, STACK), type_, there, part)
            assert up.kill(victim)
        except TooLateError:
            assert up.wait(60) == 0
            program.file(STACK).write_text(without, encoding="utf-8")
            program.succeed(*UP)
            program.file(STACK).write_text(wanted, encoding="utf-8")
            continue
        except BaseException:
            up.kill("tree")
            raise
        if victim == "openstack plugin":
            assert up.wait(60) != 0
        return
    raise AssertionError(f"{type_} was saved before `up` could be stopped, {TRIES} times")


def state(program: ProgramCopy) -> list[dict[str, Any]]:
    """The resources in the stack's state."""
    exported = json.loads(program.succeed("stack", "export", "--stack", STACK))
    resources: list[dict[str, Any]] = exported["deployment"]["resources"]
    return resources


def assert_whole(program: ProgramCopy, admin: Connection, suffix: str, made: list[str]) -> None:
    """One of each of MADE, nothing to do, nothing protected, nothing pending, and a file as it was written."""
    assert "adopt" not in program.file(STACK).read_text(encoding="utf-8")
    assert "pending operations" not in program.succeed(*UP)
    assert not [resource["urn"] for resource in state(program) if resource.get("protect")]
    repaired = program.repair(STACK)
    assert repaired.returncode == 0, repaired.stdout
    assert "not locked, and nothing is pending" in repaired.stdout
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    assert [len(ids(admin, suffix, kind)) for kind in made] == [1] * len(made)


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([MOMENTS[0], MOMENTS[3]], id="some"),
        pytest.param(MOMENTS, id="each", marks=pytest.mark.nightly),
    ],
)
def test_what_a_killed_up_left_on_the_cloud_is_taken_over_and_nothing_is_made_twice(
    program: ProgramCopy, admin: Connection, suffix: str, moments: list[tuple[str, str, str]]
) -> None:
    made: list[str] = []
    for kind, type_, victim in moments:
        before = declared(suffix, made)
        made.append(kind)
        program.file(STACK).write_text(declared(suffix, made), encoding="utf-8")
        kill_in_create(program, before, type_, victim, partial(is_there, admin, suffix, kind))
        (left,) = ids(admin, suffix, kind)
        repaired = program.repair(STACK)
        assert repaired.returncode == 0, f"{kind}: {repaired.stdout}"
        assert not orphans(program.folder)
        after = program.file(STACK).read_text(encoding="utf-8")
        if victim == "openstack plugin":  # the engine has taken the create for failed
            assert f"adopt: {left}" in after
            assert f"({left}): its id is in Pulumi.{STACK}.yaml now" in repaired.stdout
            program.succeed(*UP)
        else:
            assert "adopt" not in after
            assert left in [resource.get("id") for resource in state(program)]
    program.file(STACK).write_text(declared(suffix, made), encoding="utf-8")
    assert_whole(program, admin, suffix, made)


@pytest.mark.nightly
def test_what_the_state_has_lost_is_named_and_taken_over_and_its_adopt_lines_can_go(
    program: ProgramCopy, admin: Connection, suffix: str
) -> None:
    program.file(STACK).write_text(declared(suffix, KINDS), encoding="utf-8")
    program.succeed(*UP)
    lost = [item for item in state(program) if AFTER_A_KILL.get(item["type"]) is After.IMPORTED]
    assert {item["type"] for item in lost} == {
        type_ for type_, after in AFTER_A_KILL.items() if after is After.IMPORTED
    }
    for item in reversed(lost):
        program.succeed("state", "delete", item["urn"], "--yes", "--stack", STACK)
    repaired = program.repair(STACK)
    assert repaired.returncode == 0, repaired.stdout
    for item in lost:
        assert f"({item['id']}): its id is in Pulumi.{STACK}.yaml now" in repaired.stdout
    program.succeed(*UP)
    program.file(STACK).write_text(declared(suffix, KINDS), encoding="utf-8")
    assert_whole(program, admin, suffix, KINDS)


def test_what_the_cloud_has_lost_is_named_forgotten_and_made_anew(
    program: ProgramCopy, admin: Connection, suffix: str
) -> None:
    """As after a `destroy` whose OpenStack plugin was killed: the service deleted it, the engine took it for kept."""
    kinds = ["domain", "user", "project", "network", "subnet"]
    program.file(STACK).write_text(declared(suffix, kinds), encoding="utf-8")
    program.succeed(*UP)
    (network,), (user,) = ids(admin, suffix, "network"), ids(admin, suffix, "user")
    admin.network.delete_network(network)  # its subnet too
    admin.identity.delete_user(user)
    repaired = program.repair(STACK)
    assert repaired.returncode == 0, repaired.stdout
    gone = re.findall(r"^  - (\w+) .* is gone from the cloud", repaired.stdout, re.MULTILINE)
    assert sorted(gone) == ["Network", "Subnet", "User"]
    assert_whole(program, admin, suffix, kinds)


@pytest.mark.nightly
def test_repair_fails_as_long_as_a_network_of_that_name_is_one_of_several(
    program: ProgramCopy, admin: Connection, suffix: str
) -> None:
    program.file(STACK).write_text(declared(suffix, KINDS[:3]), encoding="utf-8")
    program.succeed(*UP)
    program.file(STACK).write_text(declared(suffix, KINDS[:4]), encoding="utf-8")
    foreign = admin.network.create_network(name=f"vms-{suffix}")
    try:
        kill_in_create(
            program,
            declared(suffix, KINDS[:3]),
            "openstack:networking/network:Network",
            "tree",
            partial(has_two_networks, admin, suffix),
        )
        repaired = program.repair(STACK)
        assert repaired.returncode == 1
        assert f"several networks have this name; rename it ({foreign.id})" in repaired.stdout
        assert program.repair(STACK).returncode == 1, "it is still pending"
    finally:
        admin.network.delete_network(foreign)
    assert program.repair(STACK).returncode == 0
    assert_whole(program, admin, suffix, KINDS[:4])


@pytest.mark.nightly
def test_repair_fails_as_long_as_what_was_being_created_is_no_longer_declared(
    program: ProgramCopy, admin: Connection, suffix: str
) -> None:
    text = declared(suffix, KINDS[:1])
    program.file(STACK).write_text(text, encoding="utf-8")
    kill_in_create(
        program,
        declared(suffix, []),
        "openstack:identity/project:Project",
        "tree",
        partial(is_there, admin, suffix, "domain"),
    )
    program.file(STACK).write_text(declared(suffix, []), encoding="utf-8")
    for _ in range(2):
        repaired = program.repair(STACK)
        assert repaired.returncode == 1
        assert f"Pulumi.{STACK}.yaml no longer declares it: put its entry back" in repaired.stdout
    program.file(STACK).write_text(text, encoding="utf-8")
    assert program.repair(STACK).returncode == 0
    assert_whole(program, admin, suffix, KINDS[:1])
