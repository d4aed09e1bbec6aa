"""The commands about people's machines, accounts whose names fold to one, and runs killed at each of their writes to Nova.

As in test_fleet_people.py, the compute host has Nova's fake driver.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lab.settings import Lab
from tests.lab.faulty_service import EITHER_WAY, Fault, killed_at, with_faulty_nova
from tests.lab.own_compute_host import until
from tests.lab.own_directory import OwnDirectory
from tests.lab.own_stack import STACK, OwnStack
from tests.lab.people_fleets import KEYS, SFX, People, dn, machine, people_fleet

pytestmark = pytest.mark.nightly  # some minutes

VLAN = 705


@pytest.fixture(scope="module")
def fault() -> Fault:
    return Fault()


@pytest.fixture(scope="module")
def people(
    tmp_path_factory: pytest.TempPathFactory, lab: Lab, own_directory: OwnDirectory, fault: Fault
) -> Iterator[People]:
    """The stack, whose program finds Nova behind FAULT."""
    base = tmp_path_factory.mktemp("people")
    with people_fleet(base, lab, own_directory, VLAN) as made:
        real = made.stack
        with with_faulty_nova(real.program, lab, base, fault) as program:
            made.stack = OwnStack(program)
            made.stack.up()
            yield made
        real.up()  # the state has Keystone's address, which the faulty one's is no more


def digest(people: People, image: str) -> str:
    """How the digest of an image begins in the table."""
    (found,) = (one["sha256"] for one in people.config["images"] if one["name"] == f"{image}-{SFX}")
    return str(found)[:12]


def ran(people: People, command: str, *arguments: str, code: int = 0) -> str:
    """What `make fleet-COMMAND` prints."""
    done = people.stack.program.fleet(command, STACK, *arguments)
    assert done.returncode == code, done.stdout
    return done.stdout


def rows(people: People, *arguments: str) -> dict[str, dict[str, str]]:
    """The table by machine; each cell under its heading."""
    head, *lines = ran(people, "status", *arguments).splitlines()
    names = [name.strip() for name in head.split("  ") if name.strip()]
    starts = [head.index(name) for name in names]
    cells = [[line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)] for line in lines]
    return {row[names.index("machine")]: dict(zip(names, row, strict=True)) for row in cells}


def test_the_table_and_the_notices_say_what_waits_for_whom_and_until_when(
    people: People, tmp_path: Path
) -> None:
    today, kept = datetime.now(UTC).date(), tmp_path / "notices"
    assert rows(people)[machine("hana")]["next image"] == ""
    people.stack.admin.compute.set_server_metadata(
        people.servers()[machine("ines")], lease_until="2999-01-01"
    )
    people.joins("jonas")
    people.stack.up()
    people.leaves("jonas")
    notice = ["sh", "-c", f"cat > {kept}"]
    people.declare(image=f"second-{SFX}", notice=notice)
    people.stack.up()
    until(lambda: people.identity("jonas")[3] == "SHUTOFF", "who left is stopped")
    expected: dict[str, dict[str, str]] = {
        machine(one): {"person": one, "state": "ACTIVE", "image": digest(people, "first")}
        for one in ("hana", "ines", "jonas")
    }
    waits = {"next image": digest(people, "second"), "left": "", "gone after": ""}
    for one in ("hana", "ines"):
        expected[machine(one)] |= waits
    expected[machine("ines")]["lease"] = "2999-01-01"
    expected[machine("jonas")] |= {"state": "SHUTOFF", "next image": "", "deadline": "", "lease": ""}
    found = rows(people, "--notice")
    for name, row in expected.items():
        assert row.items() <= found[name].items()
    deadline = date.fromisoformat(found[machine("hana")]["deadline"])
    assert deadline - today in {timedelta(13), timedelta(14)}  # the image may have been made yesterday
    left = date.fromisoformat(found[machine("jonas")]["left"])
    assert date.fromisoformat(found[machine("jonas")]["gone after"]) - left == timedelta(30)
    notices = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [one["person"] for one in notices] == ["hana", "ines", "jonas"]
    assert notices[0]["deadline"] == deadline.isoformat()
    assert notices[2]["gone_after"] == found[machine("jonas")]["gone after"]
    people.declare(notice=["false"])
    printed = ran(people, "status", "--notice", code=1)
    assert "the notice was not delivered: false exits with 1" in printed


def test_a_machine_is_made_anew_when_somebody_asks_in_its_owners_place_and_nobody_elses_is(
    people: People,
) -> None:
    assert "did you mean 'hana'" in ran(people, "renew", "--person", "hanna", code=1)
    before = people.servers()
    assert machine("hana") in ran(people, "renew", "--person", "Hana")
    plan, _, _ = people.preview()
    assert plan[machine("hana")].startswith("rebuild: its image is ")
    assert plan[machine("ines")].startswith("postponed: ")
    people.stack.up()
    after = people.servers()
    changed = {name for name in after if after[name].image.id != before[name].image.id}
    assert changed == {machine("hana")}
    assert "renew" not in after[machine("hana")].metadata
    assert rows(people)[machine("hana")]["next image"] == ""
    people.stack.admin.compute.delete_server_metadata(after[machine("ines")], ["lease_until"])
    ran(people, "renew", "--person", "ines")
    people.stack.up()
    assert people.servers()[machine("ines")].image.id == after[machine("hana")].image.id
    people.stack.preview_is_empty()


def test_whose_name_folds_to_anothers_gets_no_machine_and_takes_none(people: People) -> None:
    """Nobody gets the one that both of two newcomers would have; who has one keeps it, whoever comes."""
    before = {one: people.identity(one) for one in ("hana", "ines")}
    newcomers = ("jo.doe", "jo-doe", "hána")
    for account in newcomers:
        entry = ["objectClass: inetOrgPerson", f"uid: {account}", f"cn: {account} of {SFX}", "sn: Doe"]
        people.directory.modify(dn(account), *entry, kind="add")
        people.joins(account)
    plan, gone, said = people.preview()
    assert machine("jo-doe") not in plan
    assert gone == []
    assert f"'jo-doe' and 'jo.doe' would share the machine {machine('jo-doe')}" in said or (
        f"'jo.doe' and 'jo-doe' would share the machine {machine('jo-doe')}" in said
    )
    assert f"would share the machine {machine('hana')}; rename one of the accounts" in said
    people.stack.up()
    assert machine("jo-doe") not in people.servers()
    assert {one: people.identity(one) for one in before} == before
    assert people.servers()[machine("hana")].metadata["private_cloud_owner"] == "hana"
    people.leaves("jo.doe")
    people.directory.modify(dn("jo-doe"), "add: description", f"description: {KEYS['jonas']}")
    people.stack.up()
    assert people.identity("jo-doe")[3] == "ACTIVE"
    for account in ("jo-doe", "hána"):
        people.leaves(account)
    people.stack.up()
    assert {one: people.identity(one) for one in before} == before


@EITHER_WAY
def test_killed_at_any_write_while_somebody_comes_leaves_and_comes_back_nothing_is_lost(
    people: People, fault: Fault, tmp_path: Path, heard: bool
) -> None:
    before = {one: people.identity(one) for one in ("hana", "ines")}
    people.joins("jonas")
    people.stack.up()
    ran(people, "renew", "--person", "jonas")  # or the image that he missed waits for him
    people.stack.up()
    jonas = people.identity("jonas")
    assert jonas[3] == "ACTIVE"
    for number in range(2):  # his metadata, and the state of his server
        for change, status in ((people.leaves, "SHUTOFF"), (people.joins, "ACTIVE")):
            change("jonas")
            interrupted(people, fault, tmp_path / f"{number}-{status}", number, heard=heard)
            until(lambda: people.identity("jonas") == (*jonas[:3], status), f"he is {status}")  # noqa: B023
            people.stack.preview_is_empty("--refresh")
    assert {one: people.identity(one) for one in before} == before
    people.leaves("jonas")
    people.stack.up()


def interrupted(people: People, fault: Fault, folder: Path, number: int, *, heard: bool) -> None:
    """An `up` that is killed at this write, repaired, and repeated."""
    folder.mkdir()
    assert killed_at(people.stack.program, fault, STACK, folder, number, heard=heard)
    repaired = people.stack.program.repair(STACK)
    assert repaired.returncode == 0, repaired.stdout
    people.stack.up()


@EITHER_WAY
def test_killed_while_machine_and_home_are_deleted_the_next_run_deletes_what_was_announced_and_nothing_else(
    people: People, fault: Fault, tmp_path: Path, heard: bool
) -> None:
    before = {one: people.identity(one) for one in ("hana", "ines")}
    people.joins("jonas")
    people.stack.up()
    people.leaves("jonas")
    people.stack.up()
    people.as_if_left_on("jonas", "2026-01-01")
    people.stack.up()
    assert machine("jonas") in people.servers()
    assert killed_at(people.stack.program, fault, STACK, tmp_path, 0, heard=heard)
    repaired = people.stack.program.repair(STACK)
    assert repaired.returncode == 0, repaired.stdout
    _, gone, _ = people.preview()
    assert [one for one in gone if "jonas" in one] == gone
    people.stack.up()
    assert machine("jonas") not in people.servers()
    assert f"{machine('jonas')}-home" not in people.homes()
    assert {one: people.identity(one) for one in before} == before
    people.stack.preview_is_empty("--refresh")


def test_killed_at_any_write_while_somebodys_machine_is_made_there_is_one_with_one_home(
    people: People, fault: Fault, tmp_path: Path
) -> None:
    accounts = [f"kim{number}" for number in range(4)]
    for account in accounts:
        entry = ["objectClass: inetOrgPerson", f"uid: {account}", f"cn: {account} of {SFX}", "sn: Kim"]
        key = f"description: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{account}"
        people.directory.modify(dn(account), *entry, key, kind="add")
    for number, account in enumerate(accounts):
        people.joins(account)
        interrupted(people, fault, tmp_path / account, number // 2, heard=bool(number % 2))
        assert people.identity(account)[3] == "ACTIVE"
        people.stack.preview_is_empty()
        people.leaves(account)
