"""A fleet's update that finds something exhausted, gone, or unwell in its midst: what it says, whom it touches, what it brings back.

The compute host has Nova's fake driver. The servers' addresses are this machine's own (127.77.0.0/24), so that a FAKE of
their service can listen there.
"""

import json
import secrets
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab.settings import Lab
from tests.lab.fleets import FLEET, NETWORK, SFX, Fleet, config, fake_fleet, member
from tests.lab.own_compute_host import until
from tests.lab.own_stack import STACK
from tests.soak.process_tree import RunningPulumi

pytestmark = pytest.mark.nightly  # some minutes

COUNT = 4
UP = ("up", "--yes", "--skip-preview", "--stack", STACK)
UPDATE = {"canary": 1, "waves": [50, 75, 100], "bake_s": 0, "max_unavailable": COUNT}
QUICK = {"within_s": 10}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Fleet]:
    subnet = {"cidr": "127.77.0.0/24", "dhcp": False}
    base = tmp_path_factory.mktemp("fleets")
    with fake_fleet(base, lab, config(base, 703, subnet, count=COUNT, update=UPDATE)) as made:
        yield made


@pytest.fixture(autouse=True)
def it_is_whole_afterwards(fleet: Fleet) -> Iterator[None]:
    """After each test the fleet is as declared first, its servers are the same, and nothing is left to do."""
    before = fleet.identity()
    yield
    fleet.declare(count=COUNT, image=f"first-{SFX}", flavor=f"small-{SFX}", probe={}, update=UPDATE)
    fleet.stack.up()
    fleet.stack.preview_is_empty("--refresh")
    assert fleet.identity() == before


@contextmanager
def running(fleet: Fleet, folder: Path) -> Iterator[RunningPulumi]:
    """An `up` under way; what it prints is in FOLDER/up.log."""
    up = RunningPulumi.start(fleet.stack.program, folder / "up.log", *UP)
    try:
        yield up
    finally:
        up.kill("tree")


def refused(fleet: Fleet) -> str:
    """What an `up` prints that fails."""
    done = fleet.stack.program.pulumi(*UP)
    assert done.returncode != 0, done.stdout
    return done.stdout


def images(fleet: Fleet) -> dict[str, str]:
    """Which content each server is made of."""
    return {name: server.metadata["private_cloud_image"] for name, server in fleet.servers.items()}


class Probe:
    """A probe's command that notes whom it is asked about, and finds that one member is not well."""

    def __init__(self, folder: Path, unwell: str) -> None:
        self._asked, self._unwell, script = folder / "asked", folder / "unwell", folder / "probe"
        self._unwell.write_text(unwell)
        script.write_text(
            f'#!/bin/sh\necho "$MEMBER $ADDRESS" >> {self._asked}\n! grep -sqx "$MEMBER" {self._unwell}\n'
        )
        script.chmod(0o755)
        self.spec = {"command": [str(script)], **QUICK}

    def heals(self) -> None:
        """From now on all are well."""
        self._unwell.unlink()

    @property
    def asked(self) -> dict[str, str]:
        """Whom it was asked about, and where that member is."""
        return dict(line.split() for line in self._asked.read_text().splitlines())


def test_a_failure_in_the_second_wave_brings_all_of_the_rollout_back(fleet: Fleet, tmp_path: Path) -> None:
    before = images(fleet)
    probe = Probe(tmp_path, member(3))
    fleet.declare(image=f"second-{SFX}", probe=probe.spec)
    with running(fleet, tmp_path) as up:
        until(lambda: images(fleet)[member(3)] != before[member(3)], "the second wave is made anew")
        until(lambda: images(fleet)[member(3)] == before[member(3)], "it goes back")
        probe.heals()
        assert up.wait(300) != 0
    printed = (tmp_path / "up.log").read_text()
    assert "/probe exits with 1. 3 servers are back on the former image. 1 of 4 servers were not" in printed
    assert images(fleet) == before
    addresses = {name: address for name, (_, address) in fleet.identity().items()}
    assert probe.asked == {name: addresses[name] for name in (member(1), member(2), member(3))}


def test_a_port_that_nobody_listens_on_stops_the_rollout_until_somebody_does(fleet: Fleet) -> None:
    with socket.create_server(("0.0.0.0", 0)) as service:  # noqa: S104 - at each server's address
        port = service.getsockname()[1]
    fleet.declare(recreate=secrets.token_hex(4), probe={"tcp": port, **QUICK})
    printed = refused(fleet)
    (first, *others) = (fleet.identity()[member(number)][1] for number in range(1, COUNT + 1))
    assert f"{first} takes no connection on port {port}" in printed
    assert not [address for address in others if f"{address} takes" in printed]
    reached: set[str] = set()
    with socket.create_server(("0.0.0.0", port)) as service:  # noqa: S104 - likewise

        def listen() -> None:
            while "127.0.0.1" not in reached:
                with service.accept()[0] as connection:
                    reached.add(connection.getsockname()[0])

        listener = threading.Thread(target=listen)
        listener.start()
        fleet.stack.up()
        socket.create_connection(("127.0.0.1", port)).close()
        listener.join()
    assert reached == {first, *others, "127.0.0.1"}


@contextmanager
def quota(fleet: Fleet, **limits: int) -> Iterator[None]:
    """The project's quota for a while; Pulumi does not know of it."""
    conn = fleet.stack.admin
    before = conn.get_compute_quotas(fleet.project_id)
    conn.set_compute_quotas(fleet.project_id, **limits)
    try:
        yield
    finally:
        conn.set_compute_quotas(fleet.project_id, **{what: before[what] for what in limits})


def test_a_quota_that_is_too_small_is_told_before_a_server_is_touched(fleet: Fleet) -> None:
    before = fleet.identity()
    fleet.declare(count=COUNT + 2)
    with quota(fleet, instances=COUNT + 1, cores=COUNT):
        printed = refused(fleet)
    assert "its servers need 2 more instances, and the project has 1 of its 5 left" in printed
    assert "its servers need 2 more cores, and the project has 0 of its 4 left" in printed
    assert fleet.identity() == before


def test_a_quota_that_is_too_small_for_a_bigger_flavor_costs_no_server(fleet: Fleet) -> None:
    before = fleet.identity()
    fleet.declare(flavor=f"big-{SFX}")
    with quota(fleet, ram=COUNT * 64 + 32):
        printed = refused(fleet)
    assert "need 256 more MiB of memory, and the project has 32 of its 288 left" in printed
    assert fleet.identity() == before


def test_a_quota_that_others_use_up_meanwhile_stops_it_and_the_next_run_goes_on(
    fleet: Fleet, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    before = fleet.identity()
    fleet.declare(count=COUNT + 3, probe={"command": ["test", "-e", str(gate)]})
    with running(fleet, tmp_path) as up:
        until(lambda: len(fleet.servers) > COUNT, "the first new ones are asked for")
        with quota(fleet, instances=COUNT):
            gate.touch()
            assert up.wait(300) != 0
            assert "Quota exceeded for instances" in (tmp_path / "up.log").read_text()
            there = fleet.identity()
    assert len(there) in {COUNT + 1, COUNT + 2}
    assert before.items() <= there.items()
    assert fleet.stack.outputs["fleets"][FLEET]["servers"] == {name: one[0] for name, one in there.items()}
    fleet.stack.up()
    after = fleet.identity()
    assert len(after) == COUNT + 3
    assert there.items() <= after.items()


def test_a_subnet_without_a_free_address_is_told_before_a_server_is_touched(fleet: Fleet) -> None:
    network: Any = fleet.stack.admin.network
    before = fleet.identity()
    (subnet,) = network.subnets(name=f"{NETWORK}-v4")
    all_of_it, used = subnet.allocation_pools, {address for _, address in before.values()}
    (free, *_) = (address for n in range(2, 250) if (address := f"127.77.0.{n}") not in used)
    fleet.declare(count=COUNT + 2)
    network.update_subnet(subnet, allocation_pools=[{"start": free, "end": free}])
    try:
        printed = refused(fleet)
        assert "No more IP addresses available on network" in printed
        assert fleet.identity() == before
    finally:
        network.update_subnet(subnet, allocation_pools=all_of_it)


def test_where_the_former_image_is_gone_the_rollout_stops_at_its_canary_and_says_so(
    fleet: Fleet, tmp_path: Path
) -> None:
    conn = fleet.stack.admin
    before, probe = images(fleet), Probe(tmp_path, member(1))
    former = fleet.servers[member(1)].image.id
    fleet.declare(image=f"second-{SFX}", probe=probe.spec)
    with running(fleet, tmp_path) as up:
        until(lambda: images(fleet)[member(1)] != before[member(1)], "the canary is made anew")
        conn.image.delete_image(former)
        assert up.wait(300) != 0
    printed = (tmp_path / "up.log").read_text()
    assert "0 servers are back on the former image." in printed
    assert (
        f"{member(1)} is not: Nova refused to rebuild server {member(1)}: 400, Cannot find image" in printed
    )
    assert {name for name, image in images(fleet).items() if image != before[name]} == {member(1)}
    probe.heals()
    fleet.stack.up()
    assert len(set(images(fleet).values())) == 1
    assert set(images(fleet).values()) != set(before.values())
    fleet.stack.up("--refresh")  # the golden image is made anew


def test_what_two_runs_far_apart_saw_beside_the_members_is_deleted_and_nothing_else(fleet: Fleet) -> None:
    """A second server of a member, a port and an allocation; beside them what is others' but for a letter's case."""
    conn = fleet.stack.admin
    fleet.declare(count=COUNT + 2)
    fleet.stack.up()
    twin, other = (fleet.servers[member(COUNT + number)] for number in (1, 2))
    conn.compute.set_server_metadata(twin, private_cloud_member=member(1))
    conn.compute.set_server_metadata(other, private_cloud_fleet=FLEET.upper())
    (ours, *_) = (port for port in fleet.ports.values() if port.description)
    network: Any = conn.network
    place = {"network_id": ours.network_id, "project_id": fleet.project_id}
    left = network.create_port(**place, description=ours.description, name="left")
    others = network.create_port(**place, description=ours.description.upper(), name="others")
    leaked = allocation_without_server(conn, twin.id)
    try:
        fleet.declare(count=COUNT)
        fleet.stack.up()
        assert {twin.id, left.id} <= server_ids(fleet) | {port.id for port in fleet.ports.values()}
        as_if_seen_long_ago(fleet, {twin.id, left.id, leaked})
        fleet.stack.up()
        assert not allocation(conn, leaked)["allocations"]
        assert allocation(conn, other.id)["allocations"]
        until(lambda: twin.id not in server_ids(fleet), "the second server is deleted")
        assert other.id in server_ids(fleet)
        there = {port.id for port in fleet.ports.values()}
        assert left.id not in there
        assert others.id in there
    finally:
        network.delete_port(left)
        network.delete_port(others)
        conn.compute.delete_server(other)
        conn.compute.wait_for_delete(other)


def allocation(conn: Any, consumer: str) -> Any:
    return conn.placement.get(f"/allocations/{consumer}", microversion="1.38").json()


def allocation_without_server(conn: Any, server: str) -> str:
    """As Nova may leave one: that of SERVER once more, for a server that there is not."""
    found = allocation(conn, server)
    for host in found["allocations"].values():
        del host["generation"]
    body = found | {"consumer_generation": None, "consumer_type": "INSTANCE"}
    consumer = str(uuid.uuid4())
    answer = conn.placement.put(f"/allocations/{consumer}", json=body, microversion="1.38")
    answer.raise_for_status()
    return consumer


def server_ids(fleet: Fleet) -> set[str]:
    return {server.id for server in fleet.servers.values()}


def as_if_seen_long_ago(fleet: Fleet, strays: set[str]) -> None:
    """Has the state say that STRAYS, which it knows, were seen an hour ago."""
    program = fleet.stack.program
    state = json.loads(program.succeed("stack", "export", "--stack", STACK))
    (resource,) = (
        one for one in state["deployment"]["resources"] if one["urn"].endswith(f"ServerFleet::{FLEET}")
    )
    assert resource["outputs"]["strays"].keys() == strays
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    resource["outputs"]["strays"] = dict.fromkeys(strays, long_ago.isoformat())
    program.import_state(STACK, json.dumps(state))
