"""A dynamic resource is being deleted while the program asks for its first one, after a change of the stack file.

The engine and its hosts of dynamic providers are real, the OpenStack plugin is the FAKE.
"""

import json
from pathlib import Path

import pytest

from tests.engine.held_up import program_with_fake
from tests.program_copy import ProgramCopy

STACK = "hosted"
SLOW = """
import time
from pathlib import Path

from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider

DELETING, UPDATED = Path("deleting"), Path("files/201")
WAIT_S = 60


class SlowProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult("slow", props)

    def diff(self, _id, olds, news):
        changed = olds["of"] != news["of"]
        return DiffResult(changes=changed, replaces=["of"] if changed else [], delete_before_replace=True)

    def delete(self, _id, props):
        DELETING.touch()
        deadline = time.monotonic() + WAIT_S
        while not UPDATED.exists():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.05)


class Slow(Resource, module="test", name="Slow"):
    def __init__(self, name, of):
        super().__init__(SlowProvider(), name, {"of": of})
"""
PROGRAM = """
import asyncio
from pathlib import Path

import pulumi
import pulumi_openstack as openstack

from program.dynamic_host import keep_one_host
from dynamic_providers.ceph_login_files.provider import CephLoginFiles
from slow import DELETING, UPDATED, Slow

if pulumi.Config().get_bool("one_host"):
    keep_one_host()
vlan = pulumi.Config().require_int("vlan")
network = openstack.networking.Network(
    "vms",
    segments=[{"network_type": "vlan", "segmentation_id": vlan}],
    opts=pulumi.ResourceOptions(
        provider=openstack.Provider("openstack", cloud="admin"),
        delete_before_replace=True,
        replace_on_changes=["segments"],
    ),
)
slow = Slow("slow", network.id)


async def text():
    while vlan != 200 and not pulumi.runtime.is_dry_run() and not DELETING.exists():
        await asyncio.sleep(0.05)
    return str(vlan)


folder = str(UPDATED.parent.absolute())
CephLoginFiles("other", folder=folder, texts={str(vlan): pulumi.Output.from_input(text())})
"""


@pytest.fixture
def program(tmp_path: Path) -> ProgramCopy:
    made = program_with_fake(tmp_path, {}, cold=True)  # it counts processes
    (made.folder / "__main__.py").unlink()
    (made.folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (made.folder / "slow.py").write_text(SLOW, encoding="utf-8")
    made.stack(STACK, "config: {}\n")
    return made


def declare(program: ProgramCopy, vlan: int, *, one_host: bool) -> None:
    config = {"private-cloud:vlan": vlan, "private-cloud:one_host": one_host}
    program.file(STACK).write_text(json.dumps({"config": config}), encoding="utf-8")


def up(program: ProgramCopy) -> tuple[int, str]:
    done = program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    return done.returncode, done.stdout


@pytest.mark.parametrize("one_host", [True, False])
def test_a_delete_is_not_cut_off_where_the_program_keeps_one_host(
    program: ProgramCopy, one_host: bool
) -> None:
    for vlan in (200, 201):
        declare(program, vlan, one_host=one_host)
        code, printed = up(program)
        if vlan == 200 or one_host:
            assert code == 0, printed
        else:
            assert code != 0, "the engine waits now; program/dynamic_host.py is needed no more"
            assert "the client connection is closing" in printed


def test_a_state_from_before_stays_as_it_is(program: ProgramCopy) -> None:
    declare(program, 200, one_host=False)
    assert up(program)[0] == 0
    declare(program, 200, one_host=True)
    program.succeed("preview", "--expect-no-changes", "--stack", STACK)
    code, printed = up(program)
    assert code == 0, printed
    exported = json.loads(program.succeed("stack", "export", "--stack", STACK))
    hosts = [
        one["urn"]
        for one in exported["deployment"]["resources"]
        if one["type"] == "pulumi:providers:pulumi-python"
    ]
    assert len(hosts) == 1


def test_the_program_itself_keeps_one_host() -> None:
    text = (Path(__file__).parents[2] / "__main__.py").read_text(encoding="utf-8")
    assert "keep_one_host()\n" in text
