"""What is to do with each server of a fleet, its order, its pace, and what its console has to show."""

from typing import Any

import pytest

from config.fleet import FleetUpdateSpec
from dynamic_providers.server_fleet.declared import Flavor, Member, Wanted
from dynamic_providers.server_fleet.pace import Pace
from dynamic_providers.server_fleet.plan import Action, Step, described, plan
from dynamic_providers.server_fleet.probe import known_hosts, on_console
from dynamic_providers.server_fleet.server import Made, Server, metadata_for, port_mark
from dynamic_providers.server_fleet.stages import stages

SMALL = Flavor(name="small", vcpus=1, ram_mb=512, disk_gb=1)
WANTED = Wanted(sha256="a" * 64, flavor=SMALL)
MEMBERS = [Member(name=f"web-0{number}", port_ids=[f"port-{number}"]) for number in (1, 2)]
BOOT = "0a0b0c0d-0000-4000-8000-000000000001"


def server(member: str = "web-01", **fields: Any) -> Server:
    made = fields.pop("made", Made.of(WANTED, "g1"))
    proved = fields.pop("proved", True)
    metadata = metadata_for(None, Member(name=member, port_ids=[f"port-{member[-1]}"]), {}, made)
    return Server(
        **{
            "id": f"id-of-{member}",
            "name": member,
            "status": "ACTIVE",
            "task": "",
            "image_id": made.image_id,
            "flavor": SMALL,
            "metadata": metadata
            | ({"private_cloud_proved": "yes"} if proved else {})
            | fields.pop("also", {}),
            "host_is_down": False,
            "locked": False,
            "fault": "",
            "addresses": ("10.0.0.1",),
            "created": "2026-11-29T00:00:00Z",
        }
        | fields
    )


def decided(wanted: Wanted = WANTED, ports: list[str | None] | None = None, **fields: Any) -> Step:
    own = MEMBERS[0].model_copy(update={"port_ids": ports or MEMBERS[0].port_ids})
    first, *_ = plan(wanted, [own, MEMBERS[1]], [server(**fields), server("web-02")])
    return first


OTHER = WANTED.model_copy(update={"recreate": "2026-11-29"})


@pytest.mark.parametrize(
    ("fields", "action", "words"),
    [
        ({}, Action.SAME, ""),
        ({"wanted": OTHER}, Action.REBUILD, "recreate was '' and is '2026-11-29'"),
        ({"wanted": OTHER, "status": "SHUTOFF"}, Action.REBUILD, ""),
        ({"wanted": OTHER, "status": "SUSPENDED"}, Action.REPLACE, "SUSPENDED"),
        ({"wanted": OTHER, "status": "REBUILD"}, Action.POSTPONED, "not done with it"),
        ({"wanted": OTHER, "host_is_down": True}, Action.REPLACE, "its host is down"),
        ({"wanted": OTHER, "locked": True}, Action.POSTPONED, "locked"),
        ({"wanted": WANTED.model_copy(update={"sha256": "b" * 64})}, Action.REBUILD, "aaaaaaaaaaaa and not bbbbbbbbbbbb"),
        ({"wanted": WANTED.model_copy(update={"user_data": "d"})}, Action.REBUILD, "user data"),
        ({"wanted": WANTED.model_copy(update={"server_group": "apart"})}, Action.REPLACE, "none and not apart"),
        ({"flavor": SMALL.model_copy(update={"ram_mb": 4096})}, Action.REPLACE, "4096 MiB"),
        ({"ports": [None]}, Action.REPLACE, "another port"),
        ({"task": "deleting"}, Action.REPLACE, "being deleted"),
        ({"proved": False}, Action.PROBE, "not proved itself"),
        ({"proved": False, "status": "BUILD"}, Action.PROBE, ""),
        ({"proved": False, "host_is_down": True}, Action.REPLACE, "its host is down"),
        ({"status": "ERROR"}, Action.REBUILD, "it is in ERROR"),
        ({"status": "ERROR", "proved": False}, Action.REPLACE, "in ERROR again"),
        ({"host_is_down": True}, Action.SAME, ""),
        ({"locked": True}, Action.SAME, ""),
        ({"name": "mine"}, Action.UPDATE, "its name is 'mine'"),
        ({"wanted": WANTED.model_copy(update={"metadata": {"team": "ci"}})}, Action.UPDATE, "team"),
    ],
)  # fmt: skip
def test_what_is_to_do_and_why(fields: dict[str, Any], action: Action, words: str) -> None:
    step = decided(**fields)
    assert step.action is action
    assert words in step.reason
    assert bool(step.reason) is (action is not Action.SAME)


def test_a_plan_names_what_is_to_do_alone() -> None:
    steps = plan(WANTED, MEMBERS, [server(), server("web-03"), server("web-04", locked=True)])
    assert described(steps) == {
        "web-02": "create: there is none",
        "web-03": "delete: it is not declared any more",
        "web-04": "postponed: it is not declared any more, and it is locked in Nova",
    }


def test_of_two_servers_of_one_member_the_one_that_has_proved_itself_is_it() -> None:
    twin = server(id="twin", proved=False)
    steps = plan(WANTED, MEMBERS[:1], [twin, server()])
    assert [(step.action, step.server and step.server.id) for step in steps] == [
        (Action.SAME, "id-of-web-01"),
        (Action.STRAY, "twin"),
    ]


def test_what_a_server_was_made_of_is_kept_until_the_next_image_is_well() -> None:
    second, third = Made("b" * 64, "", "", "g2"), Made("c" * 64, "", "", "g3")
    after = metadata_for(server(), MEMBERS[0], {}, second)
    tried = server(made=second, proved=False, also=after)
    assert tried.former == Made.of(WANTED, "g1")
    again = metadata_for(tried, MEMBERS[0], {}, third)
    assert server(also=again).former == Made.of(WANTED, "g1")
    back = metadata_for(tried, MEMBERS[0], {}, Made.of(WANTED, "g1"))
    assert "private_cloud_former" not in back
    assert all(len(value) <= 255 for value in after.values())


def test_metadata_of_others_stay() -> None:
    kept = metadata_for(server(also={"lease": "x"}), MEMBERS[0], {}, Made.of(OTHER, "g1"))
    assert kept["lease"] == "x"
    assert "private_cloud_proved" not in kept


def test_the_longest_metadata_fit_into_novas_column() -> None:
    uuid = "00000000-0000-4000-8000-000000000000"
    longest = server(made=Made("b" * 64, "x" * 64, "d" * 24, uuid))
    assert len(metadata_for(longest, MEMBERS[0], {}, Made.of(WANTED))["private_cloud_former"]) <= 255
    assert len(port_mark([uuid] * 18)) <= 255


def steps_of(*actions: Action) -> list[Step]:
    return [Step(f"web-{number:02d}", action, server=server()) for number, action in enumerate(actions, 1)]


@pytest.mark.parametrize(
    ("actions", "update", "expected"),
    [
        ([Action.REBUILD] * 20, {}, [1, 4, 15]),
        ([Action.REBUILD] * 20, {"canary": 0, "waves": [100]}, [20]),
        ([Action.REBUILD] * 3, {"canary": 5}, [3]),
        ([Action.REBUILD] * 3 + [Action.SAME] * 17, {}, [3]),  # the canary was before
        ([Action.REBUILD] * 19 + [Action.SAME], {}, [4, 15]),
        ([Action.SAME] * 20, {}, []),
        ([Action.POSTPONED] * 20, {}, []),
        ([Action.POSTPONED] * 19 + [Action.REBUILD], {}, [1]),
    ],
)
def test_the_canary_is_first_and_each_wave_is_a_part_of_the_whole(
    actions: list[Action], update: dict[str, Any], expected: list[int]
) -> None:
    assert [len(stage) for stage in stages(steps_of(*actions), FleetUpdateSpec(**update))] == expected


def test_who_is_away_already_comes_first() -> None:
    steps = [*steps_of(Action.REBUILD, Action.REBUILD), Step("web-03", Action.CREATE)]
    assert stages(steps, FleetUpdateSpec())[0][0].member == "web-03"


def test_the_pace_halves_when_nova_is_busy_and_grows_by_one() -> None:
    pace = Pace.at_first(20, 300)
    pace.slow_down()
    assert pace.limit == 10
    pace.went_well(Action.REBUILD, 10, at_once=10)
    pace.went_well(Action.REBUILD, 10, at_once=10)
    assert pace.limit == 12


def pace_after(*seconds: float) -> Pace:
    """One that has rebuilt a server in each of SECONDS, and may have 12 in flight."""
    pace = Pace(limit=12, patience_s=600)
    pace.times[Action.REBUILD] += seconds
    return pace


@pytest.mark.parametrize(
    ("seconds", "at_once", "limit"),
    [(9, 5, 13), (10, 5, 12), (16, 5, 12), (16.1, 16, 8), (17, 4, 6), (80, 12, 6), (17, 1, 6), (17, 40, 12)],
)
def test_no_more_are_in_flight_than_are_made_at_the_same_time(
    seconds: float, at_once: int, limit: int
) -> None:
    pace = pace_after(8)
    pace.went_well(Action.REBUILD, seconds, at_once)
    assert pace.limit == limit


def test_a_whole_wave_of_slow_servers_shrinks_the_pace_to_what_is_made_at_the_same_time() -> None:
    pace = pace_after(8)
    for _ in range(5):
        pace.went_well(Action.REBUILD, 20, at_once=5)
    assert pace.limit == 2


def test_what_is_slower_because_it_is_something_else_shrinks_nothing() -> None:
    pace = pace_after(8)
    pace.went_well(Action.CREATE, 30, at_once=5)
    assert pace.limit == 13


def test_a_server_is_not_probed_long_before_the_last_ones_were_well() -> None:
    pace = pace_after(100, 10, 10, 10, 12, 8)
    assert pace.is_early(Action.REBUILD, 6.9)
    assert not pace.is_early(Action.REBUILD, 7)
    assert not pace.is_early(Action.CREATE, 0)


def test_a_server_may_take_as_long_as_the_fleet_has_taught_within_floor_and_ceiling() -> None:
    pace = Pace.at_first(5, 300)
    assert pace.longest_s == 300
    for _ in range(5):
        assert pace.longest_s == 300
        pace.went_well(Action.REBUILD, 2, at_once=1)
    assert pace.longest_s == 60
    pace.went_well(Action.REBUILD, 30, at_once=1)
    assert pace.longest_s == 180
    pace.went_well(Action.REBUILD, 200, at_once=1)
    assert pace.longest_s == 300


CONSOLE = f"""[ 1.2] Debian
lab-guest: ready image=abc boot={BOOT}
ci-info: -----BEGIN SSH HOST KEY KEYS-----
ecdsa-sha2-nistp256 AAAAE2Vj= root@web-01
ssh-ed25519 AAAAC3Nz root@web-01
-----END SSH HOST KEY KEYS-----
"""


def test_a_console_shows_image_boot_and_host_keys() -> None:
    shown = on_console(CONSOLE, "abc", "")
    assert (shown.lacking, shown.boot) == ("", BOOT)
    assert known_hosts("web-01", "10.0.0.1", shown.host_keys) == (
        "web-01,10.0.0.1 ecdsa-sha2-nistp256 AAAAE2Vj=\nweb-01,10.0.0.1 ssh-ed25519 AAAAC3Nz\n"
    )


@pytest.mark.parametrize(
    ("text", "digest", "before", "wrong"),
    [("Kernel panic", "", "", False), (CONSOLE, "", BOOT, False), (CONSOLE, "other", "", True)],
    ids=["no marker", "the boot before", "another image"],
)
def test_a_console_that_lacks_something(text: str, digest: str, before: str, wrong: bool) -> None:
    shown = on_console(text, digest, before)
    assert shown.lacking
    assert shown.wrong is wrong
