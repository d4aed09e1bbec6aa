"""Grants beside the stack file: what is one, what may be removed, and when the resource has work to do.

Keystone's answers are written down here; tests/lab/test_access.py asks a real one.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from clients import openstack
from clients.errors import CloudError
from clients.keystone import own_login, role_assignments
from clients.keystone.assignment import Assignment, Place
from clients.keystone.own_login import Own
from clients.keystone.role_assignments import Found
from components.identity import ids, undeclared_grants
from components.identity.undeclared_grants import AuthoritativeProject
from config.grant import DeclaredGrant
from config.identity import Undeclared
from dynamic_providers.undeclared_grants import removal
from dynamic_providers.undeclared_grants.provider import UndeclaredGrantsProvider

PLACE = Place("user", "u-bob", "project", "p1", principal="bob@corp", scope="lab@corp")
BOB = Assignment(PLACE, "r-member", "member")


def at(assignment: Assignment, **changes: Any) -> Assignment:
    """The same role at another place."""
    return replace(assignment, place=replace(assignment.place, **changes))


TEAM = at(BOB, principal_kind="group", principal_id="g-team", principal="team@corp")
CHIEF = at(Assignment(PLACE, "r-admin", "admin"), principal_id="u-chief", principal="chief@corp")
DEPUTY = at(CHIEF, principal_id="u-deputy", principal="deputy@corp")
GONE = at(BOB, principal_id="u-gone", principal="")
ABOVE = at(BOB, scope_kind="domain", scope_id="d1", scope="corp", inherited=True)
OWN = Own("u-own", frozenset({"g-own"}))
TYPE = "pulumi-python:dynamic/identity:UndeclaredGrants"  # in state, so it stays
PROPS = {"cloud": "c", "project_id": "p1"}
LISTED = asdict(at(BOB, principal="robert@corp"))  # renamed since


def test_an_assignment_says_who_which_role_and_where() -> None:
    assert str(BOB) == "role 'member' for user bob@corp on project lab@corp"
    assert str(TEAM) == "role 'member' for group team@corp on project lab@corp"
    assert str(ABOVE) == "role 'member' for user bob@corp on domain corp, inherited by what is inside"


def test_a_principal_that_no_longer_exists_is_named_by_its_id() -> None:
    assert str(GONE) == "role 'member' for user id u-gone, which no longer exists, on project lab@corp"


@pytest.mark.parametrize(
    ("own", "assignment", "reason"),
    [
        (Own("u-bob", frozenset()), BOB, removal.OWN_ACCOUNT),
        (Own("u-own", frozenset({"g-team"})), TEAM, removal.OWN_GROUP),
        (OWN, ABOVE, removal.FROM_ABOVE),
    ],
)
def test_the_running_account_and_what_is_inherited_stay_with_a_reason(
    own: Own, assignment: Assignment, reason: str
) -> None:
    found = Found((BOB, TEAM), (ABOVE,))
    decided = removal.of(found, [BOB, TEAM, ABOVE], own)
    assert decided.kept[assignment] == reason
    assert assignment not in decided.removable


def test_what_nobody_has_any_more_goes() -> None:
    assert removal.of(Found((GONE,), ()), [GONE], OWN).removable == (GONE,)


def test_the_last_admin_stays_and_is_one() -> None:
    decided = removal.of(Found((CHIEF, DEPUTY, BOB), ()), [CHIEF, DEPUTY, BOB], OWN)
    assert decided.kept == {CHIEF: removal.LAST_ADMIN}
    assert set(decided.removable) == {DEPUTY, BOB}


@pytest.mark.parametrize(
    "found",
    [
        Found((CHIEF, DEPUTY), ()),  # one that is declared
        Found((CHIEF,), (at(DEPUTY, scope_kind="domain", scope_id="d1", inherited=True),)),
    ],
)
def test_an_admin_goes_where_another_remains(found: Found) -> None:
    assert removal.of(found, [CHIEF], OWN).removable == (CHIEF,)


@pytest.mark.parametrize(
    "other",
    [
        at(DEPUTY, principal=""),  # nobody has that id any more
        at(DEPUTY, inherited=True),  # counts in the project's sub-projects only
    ],
)
def test_an_admin_who_is_none_here_does_not_count_as_another(other: Assignment) -> None:
    assert removal.of(Found((CHIEF, other), ()), [CHIEF], OWN).kept == {CHIEF: removal.LAST_ADMIN}


KNOWN = DeclaredGrant(PLACE, ("member",))


def declared(**changes: Any) -> DeclaredGrant:
    return replace(KNOWN, place=replace(PLACE, **changes))


@pytest.mark.parametrize(
    ("grant", "covered"),
    [
        (KNOWN, True),
        (declared(principal_id="u-other"), False),
        (declared(principal_id="", principal="Bob@corp"), True),
        (declared(principal_id="", principal="bob@Default"), False),
        (replace(KNOWN, role_names=("reader",)), False),
        (declared(scope_id="p2"), False),
        (declared(scope_id=""), False),
        (declared(inherited=True), False),
        (declared(principal_kind="group"), False),
    ],
)
def test_a_declared_grant_covers_what_it_makes_by_name_while_its_id_is_unknown(
    grant: DeclaredGrant, covered: bool
) -> None:
    assert grant.covers(BOB) is covered


def test_a_role_that_keystone_spells_otherwise_is_the_declared_one() -> None:
    assert KNOWN.covers(replace(BOB, role="Member"))


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ([], [LISTED], True),
        ([LISTED], [LISTED], True),  # it is there again, or was not removed
        ([LISTED], [], False),
        ([], [], False),
    ],
)
def test_only_a_list_with_something_in_it_is_a_change(old: list[Any], new: list[Any], changes: bool) -> None:
    diff = UndeclaredGrantsProvider().diff("p1", PROPS | {"undeclared": old}, PROPS | {"undeclared": new})
    assert (diff.changes, diff.replaces) == (changes, [])


def test_another_project_replaces() -> None:
    assert UndeclaredGrantsProvider().diff("p1", PROPS, PROPS | {"project_id": "p2"}).replaces == [
        "project_id"
    ]


class Connection:
    """A FAKE connection that remembers what was deleted."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.identity = self

    def delete(self, url: str) -> Any:
        self.deleted.append(url)
        return type("Gone", (), {"status_code": 204, "ok": True, "content": b""})


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Connection:
    made = Connection()

    @contextmanager
    def connect(_cloud: str) -> Iterator[Connection]:
        yield made

    monkeypatch.setattr(openstack, "connect", connect)
    monkeypatch.setattr(role_assignments, "on_project", lambda *_: Found((BOB, TEAM, CHIEF), ()))
    monkeypatch.setattr(own_login, "read", lambda _: OWN)
    return made


def test_only_what_was_listed_is_removed(connection: Connection, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    listed_admin, gone_since = asdict(CHIEF), asdict(at(BOB, principal_id="u-else"))
    made = UndeclaredGrantsProvider().create(PROPS | {"undeclared": [LISTED, listed_admin, gone_since]})
    assert connection.deleted == ["/projects/p1/users/u-bob/roles/r-member"]
    assert made.outs is not None
    assert made.outs["removed"] == [str(BOB)]
    assert f"kept: {CHIEF}: {removal.LAST_ADMIN}" in caplog.text


def test_an_empty_list_asks_the_cloud_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openstack, "connect", lambda _: pytest.fail("connected"))
    made = UndeclaredGrantsProvider().create(PROPS | {"undeclared": []})
    assert made.id == "p1"
    UndeclaredGrantsProvider().delete("p1", PROPS | {"undeclared": [LISTED]})


class Recorder(mocks.Mocks):
    def __init__(self) -> None:
        self.made: list[mocks.MockResourceArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.made.append(args)
        return args.name, args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args)


def watched(mode: Undeclared) -> list[dict[Any, Any]]:
    """The inputs of the UndeclaredGrants that a project with TEAM declared makes."""
    recorder = Recorder()
    mocks.set_mocks(recorder, project="private-cloud", stack="test")

    def program() -> None:
        holder = pulumi.ComponentResource("test:Holder", "holder")
        grant = DeclaredGrant(replace(TEAM.place, principal_id="", scope_id=""), ("member",))
        team: Any = SimpleNamespace(grant=grant, principal_id="g-team", scope_id="p1", role_set=holder)
        AuthoritativeProject(
            "lab@corp", mode, cloud="c", project_id=pulumi.Output.from_input("p1"), declared=[team]
        )

    pulumi.runtime.test(program)()
    return [args.inputs for args in recorder.made if args.typ == TYPE]


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    messages: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, **_: messages.append(text))
    return messages


def test_a_project_that_only_lists_warns_and_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    monkeypatch.setattr(undeclared_grants, "_read", lambda *_: (Found((BOB, TEAM), (ABOVE,)), None))
    assert not watched("list")
    (message,) = warned
    assert message.splitlines() == [
        "project lab@corp has 2 grants that the stack file does not declare:",
        f"  - {BOB}",
        f"  - {ABOVE}: {removal.FROM_ABOVE}",
    ]


def test_a_project_that_removes_hands_over_what_may_go(
    monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    monkeypatch.setattr(undeclared_grants, "_read", lambda *_: (Found((BOB, TEAM, CHIEF), ()), OWN))
    (inputs,) = watched("remove")
    assert inputs["undeclared"] == [asdict(BOB)]
    assert f"  - {BOB}: will be removed" in warned[0]
    assert f"  - {CHIEF}: stays, because {removal.LAST_ADMIN}" in warned[0]


def test_where_keystone_cannot_be_read_a_warning_says_so_and_nothing_is_removed(
    monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    def silent(*_: object) -> None:
        raise CloudError("Keystone will not tell")

    monkeypatch.setattr(undeclared_grants, "_read", silent)
    (inputs,) = watched("remove")
    assert inputs.get("undeclared", []) == []
    assert warned == ["project lab@corp: undeclared grants could not be looked for: Keystone will not tell"]


def test_an_id_that_is_not_known_yet_is_none() -> None:
    async def known() -> tuple[str | None, str | None]:
        later: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        later.set_result("")
        not_yet: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        not_yet.set_result(False)
        unknown: pulumi.Output[str] = pulumi.Output(set(), later, not_yet)
        return await ids.known("id"), await ids.known(unknown)

    assert asyncio.run(known()) == ("id", None)
