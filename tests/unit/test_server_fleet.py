"""A fleet's servers against a fake Nova: rollouts, their failures, kills at each step, and what people do by hand.

What a real one does is shown by tests/lab/test_fleets.py.
"""

from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clients import openstack
from clients.errors import CloudError
from dynamic_providers.server_fleet import flights, strays
from dynamic_providers.server_fleet.declared import Member
from dynamic_providers.server_fleet.pace import LIST_S, POLL_S, Pace
from dynamic_providers.server_fleet.provider import ServerFleet, ServerFleetProvider
from tests.unit import fake_nova
from tests.unit.fake_nova import BROKEN, GOOD, NEXT, OWNER, PROJECT, SHA, USER, FakeNova, KilledError

CRUD = ServerFleetProvider()
UPDATE = {
    "canary": 1,
    "waves": [25, 100],
    "max_unavailable": 2,
    "bake_s": 0,
    "on_failure": "rollback",
    "time_budget_s": 3600,
}
Change = Callable[[FakeNova], object]


@pytest.fixture
def nova(monkeypatch: pytest.MonkeyPatch) -> FakeNova:
    return fake_nova.installed(monkeypatch)


def args(image: str = GOOD, count: int = 8, **more: Any) -> dict[str, Any]:
    wanted = {
        "sha256": SHA[image],
        "recreate": "",
        "user_data": "",
        "flavor": {"name": "small", "vcpus": 1, "ram_mb": 512, "disk_gb": 1},
        "server_group": "",
        "metadata": {},
    }
    return {
        "cloud": "admin",
        "credential_id": "c1",
        "credential_secret": "secret",
        "project_id": PROJECT,
        "owner_stack": OWNER,
        "name": "nightly",
        "wanted": wanted | more.pop("wanted", {}),
        "members": [
            Member(name=f"nightly-{number:02d}", port_ids=[f"port-{number:02d}-of-net"]).model_dump(
                exclude_none=True
            )
            for number in range(1, count + 1)
        ],
        "image_id": image,
        "build_digest": image,
        "flavor_id": "f1",
        "user_data": "",
        "update": UPDATE | more.pop("update", {}),
        "probe": {"console": True, "command": [], "within_s": 1} | more.pop("probe", {}),
        "plan": {},
        **more,
    }


def made(declared: dict[str, Any]) -> dict[str, Any]:
    outs = CRUD.create(declared).outs
    assert outs is not None
    assert outs["failure"] == ""
    return outs


def updated(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    outs = CRUD.update(f"{PROJECT}/nightly", olds, news).outs
    assert outs is not None
    return outs


def written(nova: FakeNova) -> list[str]:
    """What was asked for since the last time, without what only keeps that a server is well."""
    found = [change for change in nova.changes if not change.startswith("metadata ")]
    nova.changes.clear()
    return found


def test_a_new_fleet_is_its_canary_first_and_then_all(nova: FakeNova) -> None:
    outs = made(args())
    assert written(nova) == [f"create nightly-{number:02d}" for number in range(1, 9)]
    assert list(outs["servers"]) == nova.names()
    assert outs["known_hosts"].splitlines()[0] == "nightly-01,10.0.0.1 ssh-ed25519 AAAA1"
    assert all("private_cloud_proved" in server["metadata"] for server in nova.servers.values())
    assert nova.requests["console"] == 8


def test_a_fleet_as_declared_is_only_read(nova: FakeNova) -> None:
    outs = made(args())
    written(nova)
    nova.requests.clear()
    assert not CRUD.diff("", outs, args()).changes
    assert CRUD.read(f"{PROJECT}/nightly", outs).outs == outs
    assert nova.requests == {"GET servers": 1}
    assert written(nova) == []


def test_another_image_rebuilds_all_with_the_same_ids_and_no_more_at_once_than_may_be_away(
    nova: FakeNova,
) -> None:
    outs = made(args())
    written(nova)
    after = updated(outs, args(NEXT))
    assert sorted(written(nova)) == [f"rebuild nightly-{number:02d}" for number in range(1, 9)]
    assert (after["failure"], after["servers"]) == ("", outs["servers"])
    assert set(nova.images_of().values()) == {NEXT}
    assert nova.most_away == 2
    assert "AAAA2" in after["known_hosts"]


def test_another_text_of_recreate_makes_all_anew_and_the_same_one_none(nova: FakeNova) -> None:
    outs = made(args())
    written(nova)
    after = updated(outs, args(wanted={"recreate": "2026-11-29"}))
    assert len(written(nova)) == 8
    updated(after, args(wanted={"recreate": "2026-11-29"}))
    assert written(nova) == []


def test_an_image_that_does_not_boot_touches_exactly_the_canary_which_is_brought_back(nova: FakeNova) -> None:
    outs = made(args())
    written(nova)
    after = updated(outs, args(BROKEN))
    assert written(nova) == ["rebuild nightly-01", "rebuild nightly-01"]
    assert set(nova.images_of().values()) == {GOOD}
    assert "nightly-01" in after["failure"]
    assert "1 server is back on the former image. 7 of 8 servers were not touched." in after["failure"]
    assert CRUD.diff("", after, args(BROKEN)).changes
    healed = updated(after, args(GOOD))
    assert (healed["failure"], written(nova)) == ("", [])


def test_while_only_probes_are_waited_for_nova_is_not_asked_for_its_list(nova: FakeNova) -> None:
    outs = made(args())
    nova.requests.clear()
    updated(outs, args(BROKEN))
    assert nova.requests["GET servers"] * 2 < nova.requests["console"]


def test_what_nova_said_before_it_was_asked_to_rebuild_does_not_count(
    nova: FakeNova, monkeypatch: pytest.MonkeyPatch
) -> None:
    outs = made(args())
    monkeypatch.setattr(Pace, "list_s", 0.05)
    assert updated(outs, args(NEXT))["failure"] == ""
    assert set(nova.images_of().values()) == {NEXT}


def test_a_server_that_leaves_is_looked_for_however_long_the_last_ones_took(
    nova: FakeNova, monkeypatch: pytest.MonkeyPatch
) -> None:
    outs = made(args(count=1))
    written(nova)
    monkeypatch.setattr(flights, "LIST_S", 60.0)
    monkeypatch.setattr(Pace, "is_early", lambda *_: "create nightly-01" not in nova.changes)
    bigger = {"flavor": {"name": "big", "vcpus": 1, "ram_mb": 512, "disk_gb": 1}}
    after = updated(outs, args(count=1, wanted=bigger, probe={"within_s": 5}))
    assert after["failure"] == ""
    assert written(nova)[1:] == ["create nightly-01"]


def test_a_list_is_half_as_old_as_what_nova_takes_for_a_server() -> None:
    pace = Pace(limit=1, patience_s=600, nova_times=[6.0, 13.0, 14.0])
    assert pace.list_s == 6.5
    assert Pace(limit=1, patience_s=600, nova_times=[100.0]).list_s == LIST_S
    assert Pace(limit=1, patience_s=600).list_s == POLL_S


def test_a_console_that_shows_another_image_is_a_failure_at_once(nova: FakeNova) -> None:
    outs = made(args())
    after = updated(outs, args(NEXT, build_digest="something-else", probe={"within_s": 1000}))
    assert "shows image next-image, and something-else is declared" in after["failure"]
    assert set(nova.images_of().values()) == {GOOD}


def test_a_failure_in_a_later_wave_brings_all_of_the_rollout_back(nova: FakeNova) -> None:
    outs = made(args())
    written(nova)
    nova.failing = {"nightly-05"}
    after = updated(outs, args(NEXT))
    touched = {change.split()[1] for change in written(nova)}
    assert "nightly-05" in touched
    assert "nightly-08" not in touched
    assert "No valid host was found." in after["failure"]
    assert {image for name, image in nova.images_of().items() if name != "nightly-05"} == {GOOD}


def test_stop_leaves_the_failed_canary_and_touches_nobody_else(nova: FakeNova) -> None:
    outs = made(args())
    written(nova)
    after = updated(outs, args(BROKEN, update={"on_failure": "stop"}))
    assert written(nova) == ["rebuild nightly-01"]
    assert nova.images_of()["nightly-01"] == BROKEN
    assert "It is left so" in after["failure"]


def test_a_first_image_that_does_not_boot_leaves_one_server(nova: FakeNova) -> None:
    outs = CRUD.create(args(BROKEN)).outs
    assert outs is not None
    assert "There is no former image" in outs["failure"]
    assert nova.names() == ["nightly-01"]


def test_a_rebuild_that_ends_in_error_is_replaced_once(nova: FakeNova) -> None:
    outs = made(args(count=2))
    written(nova)
    nova.failing = {"nightly-01"}
    after = updated(outs, args(NEXT, count=2))
    assert written(nova)[:3] == ["rebuild nightly-01", "forceDelete nightly-01", "create nightly-01"]
    assert after["failure"]


def test_a_rebuild_that_never_ends_is_a_new_server_on_the_same_ports(nova: FakeNova) -> None:
    """As where nova-compute was restarted in the midst of it."""
    outs = made(args(count=2))
    written(nova)
    nova.stuck = {"nightly-01"}
    after = updated(outs, args(NEXT, count=2))
    assert after["failure"] == ""
    done = ["rebuild nightly-01", "forceDelete nightly-01", "create nightly-01", "rebuild nightly-02"]
    assert written(nova) == done
    assert set(nova.images_of().values()) == {NEXT}


def test_a_rebuild_that_nova_heard_and_never_ends_is_gone_on_with_by_the_next_run(nova: FakeNova) -> None:
    """As where the broker was gone: Nova keeps that it rebuilds, says 500, and no compute host hears of it."""
    outs = made(args(count=2))
    written(nova)
    nova.unanswered = nova.stuck = {"nightly-01"}
    after = updated(outs, args(NEXT, count=2))
    assert after["failure"] == ""
    assert set(nova.images_of().values()) == {NEXT}
    assert len(nova.servers) == 2
    nova.of("nightly-02")["metadata"].pop("private_cloud_proved")
    nova.of("nightly-02").update({"status": "REBUILD", "OS-EXT-STS:task_state": "rebuilding"})
    nova.stuck = {"nightly-02"}  # a run was killed that had asked for it
    written(nova)
    healed = updated(after, args(NEXT, count=2))
    assert (healed["failure"], len(nova.servers)) == ("", 2)
    assert written(nova) == ["forceDelete nightly-02", "create nightly-02"]


def test_a_bigger_flavor_that_the_quota_lacks_is_told_before_a_server_is_deleted(nova: FakeNova) -> None:
    outs = made(args(count=3))
    written(nova)
    nova.limits |= {"maxTotalRAMSize": 2000, "totalRAMUsed": 3 * 512}
    bigger = {"flavor": {"name": "big", "vcpus": 1, "ram_mb": 1024, "disk_gb": 1}}
    with pytest.raises(CloudError, match="need 1536 more MiB of memory, and the project has 464 of its 2000"):
        updated(outs, args(count=3, wanted=bigger))
    assert written(nova) == []


def test_what_nova_does_and_denies_is_done_once(nova: FakeNova) -> None:
    nova.unanswered = {"nightly-01", "nightly-02"}
    outs = made(args(count=2))
    assert written(nova) == ["create nightly-01", "create nightly-02"]
    after = updated(outs, args(NEXT, count=2))
    assert (after["failure"], after["servers"]) == ("", outs["servers"])
    assert written(nova) == ["rebuild nightly-01", "rebuild nightly-02"]


def test_busy_nova_is_asked_for_less_and_all_are_done(nova: FakeNova) -> None:
    outs = made(args())
    nova.busy = 9
    after = updated(outs, args(NEXT))
    assert after["failure"] == ""
    assert set(nova.images_of().values()) == {NEXT}


@pytest.mark.parametrize(
    "killed_after", [False, True], ids=["before Nova hears it", "after Nova has done it"]
)
def test_killed_at_any_write_the_next_run_goes_on_and_makes_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, killed_after: bool
) -> None:
    for write in range(40):
        nova = fake_nova.installed(monkeypatch)
        outs = made(args(count=4))
        for declared in (args(NEXT, count=5), args(NEXT, count=5, wanted={"recreate": "again"})):
            nova.kill_at, nova.killed_after = write, killed_after
            try:
                updated(outs, declared)
            except KilledError:
                nova.kill_at = None
                after = updated(outs, declared)
            else:
                assert nova.kill_at is not None
                nova.kill_at = None
                after = updated(outs, declared)
            assert after["failure"] == "", (write, after)
            assert nova.names() == [f"nightly-{number:02d}" for number in range(1, 6)], write
            assert set(nova.images_of().values()) == {NEXT}
            outs = after


def by_hand(nova: FakeNova, member: str, **fields: Any) -> None:
    nova.of(member).update(fields)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda nova: nova.servers.pop(nova.of("nightly-02")["id"]), ["create nightly-02"]),
        (lambda nova: by_hand(nova, "nightly-02", name="mine"), ["rename mine"]),
        (
            lambda nova: by_hand(
                nova, "nightly-02", flavor={"original_name": "big", "vcpus": 8, "ram": 512, "disk": 1}
            ),
            ["forceDelete nightly-02", "create nightly-02"],
        ),
        (
            lambda nova: nova.of("nightly-02")["metadata"].update(private_cloud_ports="another"),
            ["forceDelete nightly-02", "create nightly-02"],
        ),
        (lambda nova: nova.of("nightly-02")["metadata"].pop("private_cloud_image"), []),
        (lambda nova: by_hand(nova, "nightly-02", status="ERROR"), ["rebuild nightly-02"]),
        (lambda nova: by_hand(nova, "nightly-02", status="SHUTOFF"), []),
        (
            lambda nova: by_hand(
                nova, "nightly-02", metadata={**nova.of("nightly-02")["metadata"], "mine": "x"}
            ),
            [],
        ),
    ],
    ids=[
        "deleted",
        "renamed",
        "resized",
        "its port",
        "what it is made of",
        "in error",
        "stopped",
        "metadata",
    ],
)
def test_what_was_done_by_hand_is_put_right_for_that_server_alone(
    nova: FakeNova, change: Change, expected: list[str]
) -> None:
    outs = made(args())
    written(nova)
    change(nova)
    after = updated(outs, args())
    assert (after["failure"], written(nova)) == ("", expected)
    updated(after, args())
    assert written(nova) == []


def test_a_locked_server_is_left_alone_and_its_turn_comes_when_it_is_unlocked(nova: FakeNova) -> None:
    outs = made(args(count=3))
    by_hand(nova, "nightly-02", locked=True)
    after = updated(outs, args(NEXT, count=3))
    assert nova.images_of() == {"nightly-01": NEXT, "nightly-02": GOOD, "nightly-03": NEXT}
    by_hand(nova, "nightly-02", locked=False)
    updated(after, args(NEXT, count=3))
    assert set(nova.images_of().values()) == {NEXT}


def test_a_server_on_a_dead_host_is_replaced_on_its_port(nova: FakeNova) -> None:
    outs = made(args(count=2))
    written(nova)
    by_hand(nova, "nightly-01", host_status="DOWN")
    updated(outs, args(NEXT, count=2))
    assert written(nova)[:2] == ["forceDelete nightly-01", "create nightly-01"]
    assert nova.of("nightly-01")["ports"] == [{"port": "port-01-of-net"}]


def test_a_lower_count_deletes_the_last_ones_and_a_higher_one_makes_more(nova: FakeNova) -> None:
    outs = made(args(count=3))
    written(nova)
    after = updated(outs, args(count=2))
    assert (written(nova), nova.names()) == (["forceDelete nightly-03"], ["nightly-01", "nightly-02"])
    assert list(after["servers"]) == nova.names()
    updated(after, args(count=4))
    assert written(nova) == ["create nightly-03", "create nightly-04"]


def test_servers_of_others_in_the_project_are_none_of_it(nova: FakeNova) -> None:
    outs = made(args(count=1))
    other = {**nova.of("nightly-01"), "id": "x", "metadata": {"private_cloud_fleet": "Nightly"}}
    nova.servers["x"] = other
    updated(outs, args(NEXT, count=1))
    assert nova.servers["x"]["image"]["id"] == GOOD
    CRUD.delete(f"{PROJECT}/nightly", outs)
    assert list(nova.servers) == ["x"]


def test_a_second_server_of_a_member_goes_only_when_two_runs_far_apart_have_seen_it(nova: FakeNova) -> None:
    outs = made(args(count=1))
    nova.servers["twin"] = {**nova.of("nightly-01"), "id": "twin", "created": "2026-11-30T00:00:00Z"}
    nova.ports = [
        {
            "id": "left",
            "name": "nightly-01-net",
            "device_id": "",
            "description": f"Fleet nightly of the Pulumi stack {OWNER}",
        }
    ]
    nova.ports.append({**nova.ports[0], "id": "theirs", "description": f"Fleet Nightly of {OWNER}"})
    first = updated(outs, args(count=1))
    assert set(first["strays"]) == {"twin", "left"}
    second = updated(first, args(count=1))
    assert second["strays"] == first["strays"]
    long_ago = (datetime.now(UTC) - timedelta(minutes=11)).isoformat()
    third = updated({**second, "strays": dict.fromkeys(("twin", "left"), long_ago)}, args(count=1))
    assert third["strays"] == {}
    assert [port["id"] for port in nova.ports] == ["theirs"]
    CRUD.read(f"{PROJECT}/nightly", third)
    assert list(nova.servers) == list(outs["servers"].values())


def test_an_allocation_of_no_server_goes_only_if_it_is_the_fleets_own(nova: FakeNova) -> None:
    outs = made(args(count=1))
    ours = {"project_id": PROJECT, "user_id": USER}
    nova.allocations = {
        **dict.fromkeys([*nova.servers, "leaked", nova.migration], ours),
        "another account's": {**ours, "user_id": "u2"},
        "another project's": {**ours, "project_id": "p2"},
    }
    first = updated(outs, args(count=1))
    assert list(first["strays"]) == ["leaked"]
    assert "leaked" in nova.allocations
    long_ago = (datetime.now(UTC) - timedelta(minutes=11)).isoformat()
    assert updated({**first, "strays": {"leaked": long_ago}}, args(count=1))["strays"] == {}
    assert nova.changes[-1] == "delete /allocations/leaked"
    assert len(nova.allocations) == 4


def test_where_strays_cannot_be_looked_for_the_run_is_done_all_the_same(
    nova: FakeNova, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> list[str]:
        raise CloudError("Placement refused to show /usages: 403, not allowed")

    monkeypatch.setattr(strays, "stray_allocations", refuse)
    assert list(made(args(count=1))["servers"]) == nova.names()


def test_hosts_without_room_are_told_before_a_server_is_made(nova: FakeNova) -> None:
    nova.hosts = [
        {"VCPU": (64, 62), "MEMORY_MB": (65536, 0), "DISK_GB": (1000, 0)},
        {"VCPU": (64, 0), "MEMORY_MB": (4096, 1024), "DISK_GB": (1000, 999), "CUSTOM_GPU": (1, 1)},
    ]
    nova.extra_specs = {
        "trait:CUSTOM_FAST": "required",
        "trait:CUSTOM_OLD": "forbidden",
        "hw:watchdog_action": "none",
    }
    with pytest.raises(CloudError, match=r"8 more servers of flavor 'small' .* have room for 3; lower count"):
        CRUD.create(args())
    assert written(nova) == []
    assert nova.asked_placement["required"] == "CUSTOM_FAST,!CUSTOM_OLD,!COMPUTE_STATUS_DISABLED"
    assert nova.asked_placement["resources"] == "VCPU:1,MEMORY_MB:512,DISK_GB:1"
    nova.extra_specs = {"resources:VCPU": "0"}  # then the flavor's numbers say nothing
    made(args())


def test_all_that_is_missing_is_said_at_once_before_a_server_is_touched(nova: FakeNova) -> None:
    nova.limits = {"maxTotalInstances": 10, "totalInstancesUsed": 5}
    nova.images[GOOD] |= {"status": "deactivated", "min_ram": 1024}
    with pytest.raises(CloudError) as raised:
        CRUD.create(args(flavor_id="f2"))
    for words in ("is deactivated", "1024 MiB", "may not use flavor", "8 more instances"):
        assert words in str(raised.value)
    assert nova.changes == []


def test_when_its_time_is_over_a_run_says_where_it_stands_and_the_next_goes_on(
    nova: FakeNova, monkeypatch: pytest.MonkeyPatch
) -> None:
    outs = made(args())
    times = iter([True, True, True, True])
    monkeypatch.setattr(
        "dynamic_providers.server_fleet.rollout.Rollout._has_time", lambda _self: next(times, False)
    )
    after = updated(outs, args(NEXT))
    assert "the next run goes on with" in after["left"]
    assert CRUD.diff("", after, args(NEXT)).changes
    assert set(nova.images_of().values()) == {GOOD, NEXT}


def test_user_data_reach_nova_and_others_rebuild(nova: FakeNova) -> None:
    declared = args(count=1, user_data="#!/bin/sh", wanted={"user_data": "d1"})
    outs = made(declared)
    assert nova.of("nightly-01")["user_data"] == "#!/bin/sh"
    updated(outs, args(count=1, user_data="#!/bin/bash", wanted={"user_data": "d2"}))
    assert nova.of("nightly-01")["user_data"] == "#!/bin/bash"


def test_a_plan_is_a_change_and_an_emptied_one_is_not() -> None:
    outs = args() | {"plan": {"nightly-01": "create: there is none"}}
    assert not CRUD.diff("", outs, args()).changes
    assert CRUD.diff("", args(), outs).changes
    assert not CRUD.diff("", args(), args(update={"canary": 3}, credential_id="c2")).replaces


def test_a_fleet_is_deleted_also_where_its_account_can_do_nothing_any_more(
    nova: FakeNova, monkeypatch: pytest.MonkeyPatch
) -> None:
    outs = made(args(count=2))

    @contextmanager
    def connect(_cloud: str, login: object = None) -> Any:
        assert login is None
        yield nova

    monkeypatch.setattr(openstack, "connect", connect)
    CRUD.delete(f"{PROJECT}/nightly", outs)
    assert nova.servers == {}


def test_a_fleet_without_a_server_is_gone(nova: FakeNova) -> None:
    outs = made(args(count=1))
    nova.servers.clear()
    assert CRUD.read(f"{PROJECT}/nightly", outs).id == ""


def test_a_locked_server_refuses_the_deletion_of_its_fleet(nova: FakeNova) -> None:
    outs = made(args(count=2))
    by_hand(nova, "nightly-02", locked=True)
    assert "nightly-02" in CRUD.refusals(f"{PROJECT}/nightly", outs)[0]


def test_the_name_in_state_stays() -> None:
    assert ServerFleetProvider.__module__ == "dynamic_providers.server_fleet.provider"
    assert ServerFleet._resource_type_name == "dynamic/compute:ServerFleet"


def annas(left: str = "", home: str | None = "v1") -> dict[str, Any]:
    """What is declared of a fleet whose one machine is Anna's."""
    anna = Member(name="nightly-anna", port_ids=["port-1"], owner="anna", left=left, home=home, keys=["k"])
    return args(count=0) | {"members": [anna.model_dump(exclude_none=True)]}


@pytest.mark.parametrize("killed_after", [False, True])
def test_killed_at_any_write_while_somebody_leaves_and_comes_back_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, killed_after: bool
) -> None:
    for write in range(4):
        nova = fake_nova.installed(monkeypatch)
        outs = made(annas())
        before = nova.of("nightly-anna")["id"]
        for declared, status in ((annas("2026-11-29"), "SHUTOFF"), (annas(), "ACTIVE")):
            nova.kill_at, nova.killed_after = write, killed_after
            with suppress(KilledError):
                updated(outs, declared)
            nova.kill_at = None
            outs = updated(outs, declared)
            server = nova.of("nightly-anna")
            assert (server["id"], server["status"]) == (before, status)
            assert server["metadata"]["private_cloud_left"] == declared["members"][0]["left"]


def test_a_machine_is_made_with_its_home_which_is_attached_again_and_its_owners_wish_is_granted_once(
    nova: FakeNova,
) -> None:
    outs = made(annas())
    server = nova.of("nightly-anna")
    assert server["os-extended-volumes:volumes_attached"] == [{"id": "v1"}]
    assert "virtio-v1\n" in server["user_data"]
    written(nova)
    by_hand(nova, "nightly-anna", **{"os-extended-volumes:volumes_attached": []})
    updated(outs, annas())
    assert written(nova) == ["attach v1 to nightly-anna"]
    nova.of("nightly-anna")["metadata"]["renew"] = "yes"
    nova.busy = 1  # which Nova has not heard
    for expected in (["rebuild nightly-anna"], []):
        updated(outs, annas())
        assert written(nova) == expected
