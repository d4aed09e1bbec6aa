"""A fleet whose Nova is behind a FAKE fault: it is busy, it denies what it does, or the run is killed as it is asked.

The Nova behind the proxy is real, with its fake driver.
"""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.settings import Lab
from tests.lab.faulty_service import EITHER_WAY, Fault, Request, killed_at, nothing, with_faulty_nova, writes
from tests.lab.fleets import NETWORK, Fleet, config, fake_fleet, member
from tests.lab.own_stack import STACK, OwnStack

pytestmark = pytest.mark.nightly  # ten minutes

COUNT = 2


@pytest.fixture(scope="module")
def fault() -> Fault:
    return Fault()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, lab: Lab, fault: Fault) -> Iterator[Fleet]:
    """The fleet, whose program finds Nova behind FAULT."""
    base = tmp_path_factory.mktemp("fleets")
    update = {"bake_s": 0, "canary": 1, "waves": [100], "max_unavailable": 2}
    with (
        fake_fleet(base, lab, config(base, 702, count=COUNT, update=update)) as made,
        with_faulty_nova(made.stack.program, lab, base, fault) as program,
    ):
        yield Fleet(OwnStack(program), made.config)


def what(request: Request) -> str:
    """Which write it is: create, or the action, and on which server."""
    kind = next(iter(json.loads(request.body or b"{}")), "")
    return f"{request.path} {kind}"


def is_whole(fleet: Fleet, recreate: str, count: int) -> None:
    """Fails unless the members are there, once each, made for RECREATE, and nothing is left to do."""
    servers = fleet.servers
    assert sorted(servers) == [member(number) for number in range(1, count + 1)]
    for server in servers.values():
        assert (server.status, server.metadata["private_cloud_recreate"]) == ("ACTIVE", recreate)
        assert "private_cloud_proved" in server.metadata
    assert len([name for name in fleet.ports if name.endswith(NETWORK)]) == count
    fleet.stack.preview_is_empty("--refresh")


def rebuilds(fleet: Fleet) -> dict[str, int]:
    """How often each server was rebuilt, ever."""
    compute = fleet.stack.admin.compute
    return {
        name: [one.action for one in compute.server_actions(server)].count("rebuild")
        for name, server in fleet.servers.items()
    }


def first_times(status: int, times: int) -> Callable[[Request], int | None]:
    """Gives STATUS so many TIMES to each write."""
    asked: Counter[str] = Counter()

    def answer(request: Request) -> int | None:
        asked[what(request)] += 1
        return status if writes(request) and asked[what(request)] <= times else None

    return answer


@pytest.mark.parametrize(
    ("when", "status", "times"),
    [("answer", 429, 3), ("answer", 503, 1), ("afterwards", 503, 1), ("afterwards", 500, 1)],
)
def test_busy_nova_is_asked_again_and_does_everything_once(
    fleet: Fleet, fault: Fault, when: str, status: int, times: int
) -> None:
    before, rebuilt = fleet.identity(), rebuilds(fleet)
    recreate = secrets.token_hex(4)
    fault.seen.clear()
    setattr(fault, when, first_times(status, times))
    try:
        fleet.declare(recreate=recreate, count=COUNT + 1)
        fleet.stack.up()
        is_whole(fleet, recreate, COUNT + 1)
        fleet.declare(count=COUNT)
        fleet.stack.up()
    finally:
        setattr(fault, when, nothing)
    kinds = {what(request).rpartition(" ")[2] for request in fault.seen if writes(request)}
    assert {"server", "rebuild", "metadata", "forceDelete"} <= kinds
    is_whole(fleet, recreate, COUNT)
    assert fleet.identity() == before
    assert rebuilds(fleet) == {name: count + 1 for name, count in rebuilt.items()}


@EITHER_WAY
def test_killed_at_any_write_the_next_run_goes_on_and_makes_nothing_twice(
    fleet: Fleet, fault: Fault, tmp_path: Path, heard: bool
) -> None:
    for number in range(20):
        before, count = fleet.identity(), COUNT + 1 - number % 2
        recreate = f"{heard} {number}"
        fleet.declare(recreate=recreate, count=count)
        folder = tmp_path / str(number)
        folder.mkdir()
        if killed_at(fleet.stack.program, fault, STACK, folder, number, heard=heard):
            repaired = fleet.stack.program.repair(STACK)
            assert repaired.returncode == 0, repaired.stdout
            fleet.stack.up()
        elif number % 2:
            break  # fewer writes than these; the other kind of run has one more
        is_whole(fleet, recreate, count)
        after = fleet.identity()
        kept = before.keys() & after.keys()
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert number > 2 * COUNT  # two writes for each server
