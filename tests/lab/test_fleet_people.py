"""Machines of the people in a directory's group: they come, leave and come back, and nothing of theirs is lost by it.

The compute host has Nova's fake driver: volumes are Cinder's own, and attached for Nova alone.
tests/lab/test_fleet_people_qemu.py has machines that mount them.
"""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.settings import Lab
from tests.lab.own_compute_host import until
from tests.lab.own_directory import OwnDirectory
from tests.lab.own_stack import STACK
from tests.lab.people_fleets import DOMAIN, KEYS, SFX, People, dn, machine, people_fleet
from tests.soak.process_tree import RunningPulumi

pytestmark = pytest.mark.nightly  # some minutes

VLAN = 700
UP = ("up", "--yes", "--skip-preview", "--stack", STACK)


@pytest.fixture(scope="module")
def people(
    tmp_path_factory: pytest.TempPathFactory, lab: Lab, own_directory: OwnDirectory
) -> Iterator[People]:
    with people_fleet(tmp_path_factory.mktemp("people"), lab, own_directory, VLAN) as made:
        yield made


def test_the_first_up_makes_the_domain_and_the_next_a_machine_and_a_home_for_each_of_the_group(
    people: People,
) -> None:
    assert people.servers() == {}
    people.stack.up()
    assert sorted(people.servers()) == [machine("hana"), machine("ines")]
    assert sorted(people.homes()) == [f"{machine(one)}-home" for one in ("hana", "ines")]
    assert people.identity("hana")[3] == "ACTIVE"
    server = people.servers()[machine("hana")]
    assert server.metadata["private_cloud_owner"] == "hana"
    assert KEYS["hana"] in base64_text(server.user_data)
    assert KEYS["ines"] not in base64_text(server.user_data)
    people.stack.preview_is_empty("--refresh")


def base64_text(text: str) -> str:
    return base64.b64decode(text).decode()


def test_who_joins_gets_a_machine_and_nobody_else_notices(people: People) -> None:
    before = people.identity("hana")
    people.joins("jonas")
    plan, _, _ = people.preview()
    assert plan == {machine("jonas"): "create: there is none"}
    people.stack.up()
    assert people.identity("jonas")[3] == "ACTIVE"
    assert people.identity("hana") == before


def test_a_directory_that_is_down_takes_nobody_for_gone(people: People) -> None:
    before = {one: people.identity(one) for one in KEYS}
    people.directory.stop()
    try:
        plan, gone, said = people.preview()
        assert (plan, gone) == ({}, [])
        assert "nobody is taken for gone" in said
        people.stack.up()
    finally:
        people.directory.start()
    assert {one: people.identity(one) for one in KEYS} == before
    people.stack.preview_is_empty()


def test_a_group_that_was_renamed_takes_nobody_for_gone(people: People) -> None:
    people.declare(people={"group": "the-testers", "domain": DOMAIN})
    plan, gone, said = people.preview()
    assert (plan, gone) == ({}, [])
    assert "there is no group 'the-testers'" in said
    people.declare(people={"group": "testers", "domain": DOMAIN})


def test_who_leaves_is_stopped_at_once_and_who_comes_back_has_all_as_it_was(people: People) -> None:
    before = people.identity("jonas")
    people.leaves("jonas")
    plan, gone, _ = people.preview()
    assert list(plan) == [machine("jonas")]
    assert plan[machine("jonas")].startswith("stop: jonas left on ")
    assert gone == []
    report = people.stack.program.report(STACK, "--no-drift").stdout
    assert "jonas left on" in report
    people.stack.up()
    until(lambda: people.identity("jonas")[3] == "SHUTOFF", "the machine is stopped")
    assert people.identity("jonas")[:3] == before[:3]
    people.stack.preview_is_empty()
    people.joins("jonas")
    plan, _, _ = people.preview()
    assert plan == {machine("jonas"): "start: jonas is back"}
    people.stack.up()
    until(lambda: people.identity("jonas") == before, "all is as it was")
    people.stack.preview_is_empty()


def test_after_keep_days_one_run_announces_and_the_next_deletes_what_its_preview_names(
    people: People,
) -> None:
    people.leaves("jonas")
    people.stack.up()
    people.as_if_left_on("jonas", "2026-01-01")
    plan, gone, _ = people.preview()
    assert "the next run deletes it and its home" in plan[machine("jonas")]
    assert gone == []
    people.stack.up()
    assert machine("jonas") in people.servers()
    plan, gone, _ = people.preview()
    assert plan == {machine("jonas"): "delete: jonas left on 2026-01-01; the home goes too"}
    assert [one for one in gone if "jonas" in one] == gone != []
    people.stack.up()
    assert machine("jonas") not in people.servers()
    assert f"{machine('jonas')}-home" not in people.homes()
    people.stack.preview_is_empty()


def test_a_new_image_waits_for_the_owner_a_lease_and_a_lock(people: People) -> None:
    compute = people.stack.admin.compute
    hana, ines = (people.servers()[machine(one)] for one in ("hana", "ines"))
    compute.set_server_metadata(ines, lease_until="2999-01-01")
    people.declare(image=f"second-{SFX}")
    people.stack.up()
    plan, _, _ = people.preview()
    assert "it waits for its owner (renew=yes) or " in plan[machine("hana")]
    assert "it is leased until 2999-01-01" in plan[machine("ines")]
    for server in (hana, ines):
        compute.set_server_metadata(server, renew="yes")
    compute.lock_server(hana)
    plan, _, _ = people.preview()
    assert plan[machine("hana")].endswith("it is locked in Nova")
    compute.unlock_server(hana)
    people.stack.up()
    after = people.servers()
    assert after[machine("hana")].image.id != hana.image.id
    assert after[machine("ines")].image.id == ines.image.id
    assert "renew" not in after[machine("hana")].metadata
    assert people.identity("hana")[0] == hana.id
    compute.delete_server_metadata(after[machine("ines")], ["lease_until"])
    people.stack.up()
    assert people.servers()[machine("ines")].image.id == after[machine("hana")].image.id
    people.stack.preview_is_empty()


def test_after_the_deadline_a_machine_is_made_anew_unasked(people: People) -> None:
    people.declare(image=f"first-{SFX}", update={"bake_s": 0, "deadline_days": 0})
    plan, _, _ = people.preview()
    assert {step.partition(":")[0] for step in plan.values()} == {"rebuild"}
    people.stack.up()
    people.stack.preview_is_empty()
    people.declare(update={"bake_s": 0, "deadline_days": 14})
    people.stack.up()


def test_another_comment_of_a_key_is_nothing_and_another_key_is_named_and_waits(people: People) -> None:
    people.directory.modify(dn("hana"), "replace: description", f"description: {KEYS['hana']} desk")
    people.stack.preview_is_empty()
    people.directory.modify(dn("hana"), "replace: description", f"description: {KEYS['jonas']} new")
    plan, _, _ = people.preview()
    assert "AIJona is new" in plan[machine("hana")]
    assert "AIHana is gone" in plan[machine("hana")]
    people.stack.admin.compute.set_server_metadata(people.servers()[machine("hana")], renew="yes")
    people.stack.up()
    assert KEYS["jonas"] in base64_text(people.servers()[machine("hana")].user_data)
    people.stack.preview_is_empty()


def test_a_home_that_was_detached_is_attached_and_one_in_use_elsewhere_is_named(people: People) -> None:
    conn = people.stack.admin
    before = people.identity("hana")
    server_id, home_id = before[0], before[2]
    conn.compute.delete_volume_attachment(server_id, home_id)
    until(lambda: conn.block_storage.get_volume(home_id).status == "available", "the home is free")
    other = people.identity("ines")[0]
    conn.compute.create_volume_attachment(other, volume_id=home_id)
    until(lambda: conn.block_storage.get_volume(home_id).status == "in-use", "it is in use elsewhere")
    plan, _, _ = people.preview()
    assert plan[machine("hana")].startswith("postponed: its home is not attached")
    assert other in plan[machine("hana")]
    people.stack.up()
    conn.compute.delete_volume_attachment(other, home_id)
    until(lambda: conn.block_storage.get_volume(home_id).status == "available", "the home is free")
    assert people.preview()[0] == {machine("hana"): "update: its home is not attached"}
    people.stack.up()
    until(lambda: conn.block_storage.get_volume(home_id).status == "in-use", "the home is attached")
    assert people.identity("hana") == before
    people.stack.preview_is_empty()


def test_another_flavor_replaces_the_machine_and_the_home_stays(people: People) -> None:
    before = people.identity("hana")
    people.config["flavors"].append({"name": f"big-{SFX}", "vcpus": 1, "ram_mb": 128, "disk_gb": 1})
    people.declare(flavor=f"big-{SFX}", update={"mode": "proactive", "bake_s": 0})
    people.stack.up()
    after = people.identity("hana")
    assert after[0] != before[0]
    assert after[1:] == before[1:]
    people.declare(update={"bake_s": 0, "deadline_days": 14})
    people.stack.up()
    people.stack.preview_is_empty()


def test_killed_while_somebody_joins_the_next_run_takes_over_what_there_is(
    people: People, tmp_path: Path
) -> None:
    people.joins("jonas")
    up = RunningPulumi.start(people.stack.program, tmp_path / "up.log", *UP)
    try:
        until(lambda: f"{machine('jonas')}-home" in people.homes(), "the home is there")
    finally:
        assert up.kill("tree")
    up.wait(120)
    repaired = people.stack.program.repair(STACK)
    assert repaired.returncode == 0, repaired.stdout
    people.stack.up()
    assert people.identity("jonas")[3] == "ACTIVE"
    assert len(people.homes()) == 3
    people.stack.preview_is_empty()


def test_a_fleet_with_homes_is_not_removed_by_taking_it_out_of_the_file(people: People) -> None:
    fleets = people.config.pop("fleets")
    people.stack.declare(people.config)
    done = people.stack.program.pulumi(*UP)
    assert done.returncode != 0
    assert len(people.homes()) == 3
    people.config["fleets"] = fleets
    people.declare()
    people.stack.up()
    assert people.identity("hana")[3] == "ACTIVE"
