"""A fleet whose only host has no room left, before or in the midst of an update, and a member that was resized to another host.

The hosts have Nova's fake driver; the fleet's own is told from the lab's by a trait.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from lab.settings import Lab
from tests.lab.fleets import FLEET, SFX, Fleet, config, fake_fleet, member
from tests.lab.own_compute_host import OWN_MEMORY_MB, OwnHost, own_host, until
from tests.lab.own_stack import STACK
from tests.soak.process_tree import RunningPulumi

pytestmark = pytest.mark.nightly  # two minutes

COUNT, ROOM = 2, 4
TRAIT = f"CUSTOM_{SFX.upper()}"
UP = ("up", "--yes", "--skip-preview", "--stack", STACK)


@pytest.fixture(scope="module")
def host(lab: Lab, administrator: Connection) -> Iterator[OwnHost]:
    with own_host(lab, administrator) as made:
        made.start_compute()
        made.start_agents()
        has_the_trait(administrator, made.name)
        yield made


def has_the_trait(conn: Any, host: str) -> None:
    """Has Placement tell HOST from all others."""
    conn.placement.put(f"/traits/{TRAIT}", microversion="1.6")
    (provider,) = conn.placement.get(f"/resource_providers?name={host}").json()["resource_providers"]
    traits = f"/resource_providers/{provider['uuid']}/traits"
    found = conn.placement.get(traits, microversion="1.6").json()
    body = {
        "traits": [*found["traits"], TRAIT],
        "resource_provider_generation": found["resource_provider_generation"],
    }
    assert conn.placement.put(traits, json=body, microversion="1.6").ok


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, lab: Lab, host: OwnHost) -> Iterator[Fleet]:
    assert host
    base = tmp_path_factory.mktemp("fleets")
    update = {"bake_s": 0, "waves": [50, 75, 100]}
    declared = config(base, 706, count=COUNT, update=update)
    declared["flavors"][0] |= {
        "ram_mb": OWN_MEMORY_MB // ROOM,
        "extra_specs": {f"trait:{TRAIT}": "required"},
    }
    with fake_fleet(base, lab, declared) as made:
        yield made


def test_hosts_without_room_are_told_before_a_server_is_touched(fleet: Fleet) -> None:
    before = fleet.identity()
    fleet.declare(count=ROOM + 1)
    done = fleet.stack.program.pulumi(*UP)
    assert done.returncode != 0
    assert f"3 more servers of flavor 'small-{SFX}'" in done.stdout
    assert "the hosts that fit it have room for 2; lower count" in done.stdout
    assert fleet.identity() == before


def test_room_that_others_take_meanwhile_stops_it_and_the_next_run_goes_on(
    fleet: Fleet, tmp_path: Path
) -> None:
    compute, gate = fleet.stack.admin.compute, tmp_path / "gate"
    before = fleet.identity()
    fleet.declare(count=ROOM, probe={"command": ["test", "-e", str(gate)]})
    up = RunningPulumi.start(fleet.stack.program, tmp_path / "up.log", *UP)
    try:
        until(lambda: member(COUNT + 1) in fleet.servers, "the first new one is asked for")
        other = compute.create_server(
            name=f"other-{SFX}",
            image_id=fleet.servers[member(1)].image.id,
            flavor_id=fleet.stack.outputs["flavors"][f"small-{SFX}"]["id"],
            networks="none",
        )
        compute.wait_for_server(other)
    finally:
        gate.touch()
        code = up.wait(300)
    printed = (tmp_path / "up.log").read_text()
    assert code != 0, printed
    assert "No valid host was found" in printed
    there = fleet.stack.outputs["fleets"][FLEET]["servers"]
    assert {name: one[0] for name, one in before.items()}.items() <= there.items()
    assert fleet.servers[member(COUNT + 1)].status == "ACTIVE"
    assert fleet.servers[member(ROOM)].status == "ERROR"
    compute.delete_server(other)
    compute.wait_for_delete(other)
    fleet.stack.up()
    after = {name: one[0] for name, one in fleet.identity().items()}
    assert sorted(after) == [member(number) for number in range(1, ROOM + 1)]
    assert {name for name in after if after[name] != there[name]} == {member(ROOM)}
    fleet.declare(count=COUNT, probe={})
    fleet.stack.up()
    fleet.stack.preview_is_empty("--refresh")


def test_a_member_that_was_resized_by_hand_is_replaced_on_its_port(fleet: Fleet, host: OwnHost) -> None:
    compute = fleet.stack.admin.compute
    before, resized = fleet.identity(), fleet.servers[member(1)]
    compute.resize_server(resized, fleet.stack.outputs["flavors"][f"big-{SFX}"]["id"])
    compute.wait_for_server(resized, status="VERIFY_RESIZE")
    compute.confirm_server_resize(resized)
    compute.wait_for_server(resized)
    assert compute.get_server(resized).compute_host != host.name
    plan = fleet.plan()
    assert list(plan) == [member(1)]
    assert plan[member(1)].startswith(f"replace: its flavor is big-{SFX} (1 vCPU, 128 MiB, 1 GiB) and not ")
    fleet.stack.up()
    after = fleet.identity()
    assert after[member(1)][0] != before[member(1)][0]
    assert after[member(1)][1] == before[member(1)][1]
    assert after[member(2)] == before[member(2)]
    assert fleet.servers[member(1)].compute_host == host.name
    fleet.stack.preview_is_empty("--refresh")
