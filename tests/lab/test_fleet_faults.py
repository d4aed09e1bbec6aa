"""What a fleet's update needs is gone while it goes on: it waits, and the fleet is whole in the end.

Not nova-compute: Nova's fake driver forgets its servers when that ends. What becomes of a server that starts then is
shown by tests/lab/test_qemu_faults.py, and what the fleet does about it by tests/unit/test_server_fleet.py.
"""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.settings import Lab
from lab.supervisor import Supervisor
from tests.lab.fleets import COUNT, FLEET, Fleet, config, fake_fleet
from tests.lab.own_compute_host import until
from tests.lab.own_stack import STACK
from tests.lab.running_lab import brought, command
from tests.soak.process_tree import RunningPulumi

pytestmark = [pytest.mark.alone, pytest.mark.nightly]

UP = ("up", "--yes", "--skip-preview", "--stack", STACK)
AWAY_S = 60
"""How long it is away; as the pauses of a restart, or of a switch of leaders, at the worst."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Fleet]:
    base = tmp_path_factory.mktemp("fleets")
    with fake_fleet(base, lab, config(base)) as made:
        made.declare(update={"bake_s": 2, "max_unavailable": 2}, probe={"within_s": 120})
        made.stack.up()
        yield made


@pytest.mark.parametrize("daemon", ["rabbitmq", "keystone"])
def test_the_update_waits_for_what_is_gone_and_ends_well(
    fleet: Fleet, lab: Lab, tmp_path: Path, daemon: str
) -> None:
    addresses = fleet.stack.outputs["fleets"][FLEET]["addresses"]
    fleet.declare(recreate=f"without {daemon}")
    up = RunningPulumi.start(fleet.stack.program, tmp_path / "up.log", *UP)
    try:
        until(lambda: fleet.begun(f"without {daemon}"), "a server is made anew")
        Supervisor(lab).stop(daemon)
        with suppress(subprocess.TimeoutExpired):  # without Keystone it may end: tokens are cached
            up.wait(AWAY_S)
    finally:
        brought(command("up"))
    code = up.wait(900)
    assert code == 0, (tmp_path / "up.log").read_text()
    assert fleet.stack.outputs["fleets"][FLEET]["addresses"] == addresses
    assert len(addresses) == len(fleet.servers) == COUNT
    for server in fleet.servers.values():
        assert server.status == "ACTIVE"
        assert server.metadata["private_cloud_recreate"] == f"without {daemon}"
    fleet.stack.preview_is_empty("--refresh")
