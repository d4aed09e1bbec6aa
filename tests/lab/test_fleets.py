"""Fleets on real Nova: made, made anew, put right after what people did by hand, killed, and gone without a trace.

The compute host has Nova's fake driver, so nothing boots here: tests/lab/test_fleets_qemu.py has servers that do.
"""

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.settings import Lab
from tests.lab.fleets import COUNT, FLEET, NETWORK, SFX, Fleet, config, fake_fleet, member
from tests.lab.own_compute_host import until
from tests.lab.own_stack import STACK
from tests.soak.process_tree import RunningPulumi

pytestmark = pytest.mark.nightly  # four minutes; test_fleets_qemu.py is in `make test`

UP = ("up", "--yes", "--skip-preview", "--stack", STACK)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Fleet]:
    base = tmp_path_factory.mktemp("fleets")
    with fake_fleet(base, lab, config(base)) as made:
        yield made


def test_a_fleet_is_up_as_declared_and_nothing_is_left_to_do(fleet: Fleet) -> None:
    servers, ports = fleet.servers, fleet.ports
    assert sorted(servers) == [member(number) for number in range(1, COUNT + 1)]
    assert {server.status for server in servers.values()} == {"ACTIVE"}
    assert {server.metadata["team"] for server in servers.values()} == {"tests"}
    groups = [
        group.id
        for group in fleet.stack.admin.network.security_groups(project_id=fleet.project_id, name="ssh")
    ]
    for name, server in servers.items():
        port = ports[f"{name}-{NETWORK}"]
        assert (port.device_id, port.security_group_ids) == (server.id, groups)
    assert fleet.stack.outputs["fleets"][FLEET]["servers"] == {name: one.id for name, one in servers.items()}
    fleet.stack.preview_is_empty("--refresh")


def test_an_empty_preview_writes_nothing_and_asks_nova_at_most_five_times(fleet: Fleet, lab: Lab) -> None:
    log = lab.log / "nova.log"
    before = log.stat().st_size
    fleet.stack.preview_is_empty()
    with log.open("rb") as file:
        file.seek(before)
        asked = [line for line in file.read().decode().splitlines() if fleet.project_id in line]
    assert 1 <= len(asked) <= 5
    assert not [line for line in asked if "GET" not in line]


def test_its_servers_are_written_by_an_account_that_is_only_a_member_of_the_project(fleet: Fleet) -> None:
    admin = fleet.stack.admin
    identity: Any = admin.identity
    account = identity.find_user(f"fleet-{FLEET}", domain_id="default", ignore_missing=False)
    roles = {role.id: role.name for role in identity.roles()}
    found = [
        (roles[one.role["id"]], one.scope.get("project", {}).get("id"))
        for one in identity.role_assignments(user_id=account.id)
    ]
    assert found == [("member", fleet.project_id)]
    for server in fleet.servers.values():
        assert {action.user_id for action in admin.compute.server_actions(server)} == {account.id}


def test_another_text_of_recreate_rebuilds_all_and_names_ids_and_addresses_stay(fleet: Fleet) -> None:
    before = fleet.identity()
    fleet.declare(recreate="2026-11-29")
    plan = fleet.plan()
    assert plan == dict.fromkeys(before, "rebuild: recreate was '' and is '2026-11-29'")
    report = fleet.stack.program.report(STACK, "--no-drift")
    assert (
        f"Rebuild of {COUNT}: root disks are lost; names, addresses, homes and server ids stay"
        in report.stdout
    )
    fleet.stack.up()
    assert fleet.identity() == before
    for server in fleet.servers.values():
        assert [one.action for one in fleet.stack.admin.compute.server_actions(server)].count("rebuild") == 1
    fleet.stack.preview_is_empty("--refresh")


def test_what_people_did_by_hand_is_in_the_plan_and_put_right(fleet: Fleet) -> None:
    compute = fleet.stack.admin.compute
    before, servers = fleet.identity(), fleet.servers
    compute.delete_server(servers[member(1)])
    compute.wait_for_delete(servers[member(1)])
    compute.update_server(servers[member(2)], name="mine")
    compute.stop_server(servers[member(4)])
    compute.wait_for_server(servers[member(4)], status="SHUTOFF")
    plan = fleet.plan()
    assert {name: step.partition(":")[0] for name, step in plan.items()} == {
        member(1): "create",
        member(2): "update",
    }
    fleet.stack.up()
    after = fleet.identity()
    assert {name: address for name, (_, address) in after.items()} == {
        name: address for name, (_, address) in before.items()
    }
    assert {name for name in after if after[name][0] != before[name][0]} == {member(1)}
    fleet.stack.preview_is_empty("--refresh")


def test_a_locked_server_waits_until_it_is_unlocked(fleet: Fleet) -> None:
    compute = fleet.stack.admin.compute
    locked = fleet.servers[member(5)]
    compute.lock_server(locked)
    fleet.declare(image=f"second-{SFX}")
    assert fleet.plan()[member(5)].startswith("postponed: ")
    fleet.stack.up()
    images = {name: server.image.id for name, server in fleet.servers.items()}
    assert images[member(5)] == locked.image.id
    assert len({image for name, image in images.items() if name != member(5)}) == 1
    compute.unlock_server(locked)
    fleet.stack.up()
    assert len({server.image.id for server in fleet.servers.values()}) == 1
    fleet.stack.preview_is_empty()


def test_another_flavor_replaces_each_server_on_its_port(fleet: Fleet) -> None:
    before = fleet.identity()
    fleet.declare(flavor=f"big-{SFX}")
    assert {step.partition(":")[0] for step in fleet.plan().values()} == {"replace"}
    fleet.stack.up()
    after = fleet.identity()
    assert {name: one[1] for name, one in after.items()} == {name: one[1] for name, one in before.items()}
    assert not {one[0] for one in after.values()} & {one[0] for one in before.values()}
    fleet.stack.preview_is_empty("--refresh")


def test_an_image_that_the_project_does_not_see_is_told_before_a_server_is_touched(fleet: Fleet) -> None:
    before = fleet.servers
    fleet.config["images"][0]["visibility"] = "private"
    fleet.declare(image=f"first-{SFX}")
    printed = fleet.stack.program.pulumi(*UP).stdout
    assert "give the image `visibility: community` or `public`" in printed
    assert {name: one.image.id for name, one in fleet.servers.items()} == {
        name: one.image.id for name, one in before.items()
    }
    fleet.config["images"][0]["visibility"] = "community"
    fleet.declare(image=f"second-{SFX}")
    fleet.stack.up()
    fleet.stack.preview_is_empty()


@pytest.mark.parametrize("victim", ["tree", pytest.param("dynamic host", marks=pytest.mark.nightly)])
def test_after_a_kill_in_the_midst_of_it_up_goes_on_and_nothing_is_there_twice(
    fleet: Fleet, tmp_path: Path, victim: str
) -> None:
    before = fleet.identity()
    fleet.declare(recreate=f"killed {victim}", count=COUNT + 2)
    up = RunningPulumi.start(fleet.stack.program, tmp_path / "up.log", *UP)
    try:
        until(lambda: fleet.begun(f"killed {victim}"), "a server is made anew")
    finally:
        assert up.kill(victim)
    up.wait(120)
    repaired = fleet.stack.program.repair(STACK)
    assert repaired.returncode == 0, repaired.stdout
    fleet.stack.up()
    after = fleet.identity()
    assert sorted(after) == [member(number) for number in range(1, COUNT + 3)]
    assert {name: after[name] for name in before} == before
    assert {server.metadata["private_cloud_recreate"] for server in fleet.servers.values()} == {
        f"killed {victim}"
    }
    assert len(fleet.ports) == COUNT + 2 + len(list(dhcp_ports(fleet)))
    fleet.declare(count=COUNT)
    fleet.stack.up()
    assert sorted(fleet.servers) == [member(number) for number in range(1, COUNT + 1)]
    fleet.stack.preview_is_empty("--refresh")


def dhcp_ports(fleet: Fleet) -> list[str]:
    return [name for name, port in fleet.ports.items() if port.device_owner.startswith("network:")]


def test_a_port_that_a_killed_run_left_is_named_and_kept_until_that_is_certain(fleet: Fleet) -> None:
    network = fleet.stack.admin.network
    (ours, *_) = (port for port in fleet.ports.values() if port.description)
    left = network.create_port(
        network_id=ours.network_id, project_id=fleet.project_id, description=ours.description, name="left"
    )
    try:
        assert fleet.plan() == {left.id: "stray: port left is no member's"}
        fleet.stack.up()
        assert network.get_port(left.id).id == left.id
    finally:
        network.delete_port(left)
    fleet.stack.preview_is_empty()


def test_a_second_up_at_the_same_time_is_refused_and_touches_no_server(fleet: Fleet, tmp_path: Path) -> None:
    fleet.declare(recreate="first of two", update={"bake_s": 5, "max_unavailable": 2})
    first = RunningPulumi.start(fleet.stack.program, tmp_path / "up.log", *UP)
    try:
        until(lambda: fleet.begun("first of two"), "a server is made anew")
        second = fleet.stack.program.pulumi(*UP)
        assert second.returncode != 0
        assert "the stack is currently locked" in second.stdout
    finally:
        code = first.wait(300)
    assert code == 0, (tmp_path / "up.log").read_text()
    fleet.stack.preview_is_empty("--refresh")
    for server in fleet.servers.values():
        assert server.metadata["private_cloud_recreate"] == "first of two"


def test_what_its_user_data_hold_is_in_no_log_and_in_no_plain_state(
    fleet: Fleet, lab: Lab, tmp_path: Path
) -> None:
    canary = f"canary-{secrets.token_hex(16)}"
    file = tmp_path / "user-data"
    file.write_text(f"#cloud-config\npassword: {canary}\n")
    fleet.declare(user_data={"file": str(file)})
    program = fleet.stack.program
    printed = program.succeed("preview", "--diff", "--stack", STACK)
    printed += program.succeed(*UP, "--json")
    printed += program.succeed("stack", "export", "--stack", STACK)
    held = base64.b64encode(file.read_bytes()).decode()
    hidden = (canary, held, held[24:-8])
    assert not [words for words in hidden if words in printed]
    searched = [
        one for place in (lab.log, program.folder.parent) for one in place.rglob("*") if one.is_file()
    ]
    assert len(searched) > 20
    told = [str(one) for one in searched if one != file and contains(one, hidden)]
    assert told == []
    fleet.config["fleets"][0].pop("user_data")
    fleet.declare()
    fleet.stack.up()


def contains(file: Path, words: tuple[str, ...]) -> bool:
    """Whether a file has one of them."""
    found = file.read_bytes()
    return any(one.encode() in found for one in words)


def test_a_fleet_that_is_no_longer_declared_leaves_nothing(fleet: Fleet) -> None:
    fleets = fleet.config.pop("fleets")
    fleet.stack.declare(fleet.config)
    fleet.stack.up()
    assert fleet.servers == {}
    assert [name for name in fleet.ports if name.startswith(FLEET)] == []
    identity: Any = fleet.stack.admin.identity
    assert identity.find_user(f"fleet-{FLEET}", domain_id="default") is None
    fleet.config["fleets"] = fleets


def test_a_fleet_that_did_not_come_up_is_destroyed_in_one_run(fleet: Fleet) -> None:
    fleet.config["images"][0]["visibility"] = "private"
    fleet.declare(image=f"first-{SFX}")
    printed = fleet.stack.program.pulumi(*UP).stdout
    assert "its project does not see image" in printed
    assert len(fleet.ports) >= COUNT
    fleet.stack.program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
