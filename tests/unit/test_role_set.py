"""A role set's CRUD against a fake Keystone at the REST level.

The fake keeps assignments by their URL and answers as Keystone 30 did in the lab; what a real one does is
shown by tests/lab/test_accounts.py.
"""

import json
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from pulumi.output import Unknown

from clients.errors import CloudError, InUseError
from clients.keystone import role_assignments
from clients.keystone.assignment import Place
from dynamic_providers.role_set.provider import RoleSet, RoleSetArgs, RoleSetProvider

ARGS = {
    "cloud": "admin",
    "principal_kind": "user",
    "principal_id": "u1",
    "scope_kind": "project",
    "scope_id": "p1",
    "roles": ["member"],
}
URL = "/projects/p1/users/u1/roles/"


def answer(status, body=None):
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps(body or {}).encode()
    return response


class FakeKeystone:
    """Assignments by URL; a request in `refused` gets its status instead."""

    def __init__(self, *there):
        self.there = set(there)
        self.gone = set()
        self.refused = {}
        self.changes = []
        self.identity = self
        self.auth_token = "own"
        self.own_groups = ["g-own"]
        self.scope = {"project": {"id": "p-own", "domain": {"id": "d-own"}}}

    def get(self, url, params=None, headers=None):
        if headers == {"X-Subject-Token": "own"}:
            return answer(200, {"token": {"user": {"id": "u-own"}, "roles": [{"id": "admin"}], **self.scope}})
        if url == "/users/u-own/groups":
            return answer(200, {"groups": [{"id": each} for each in self.own_groups]})
        if url != "/role_assignments":
            return answer(404 if url in self.gone else 200)
        found = [
            {
                "role": {"id": path.split("/roles/")[1].split("/")[0]},
                "scope": {"OS-INHERIT:inherited_to": "projects"} if "OS-INHERIT" in path else {},
            }
            for path in sorted(self.there)
            if all(str(id_) in path or id_ == "all" for id_ in params.values())
        ]
        return answer(200, {"role_assignments": found})

    def _change(self, method, url):
        self.changes.append((method, url))
        if (method, url) in self.refused:
            status = self.refused[method, url]
            return answer(status, {"error": {"message": f"Keystone's word on {status}."}})
        return None

    def put(self, url):
        refused = self._change("put", url)
        if refused is None:
            self.there.add(url)
        return answer(204) if refused is None else refused

    def delete(self, url):
        refused = self._change("delete", url)
        if refused is not None:
            return refused
        found = url in self.there
        self.there.discard(url)
        return answer(204 if found else 404)


@pytest.fixture
def keystone(monkeypatch):
    fake = FakeKeystone()

    @contextmanager
    def connect(_cloud):
        yield fake

    monkeypatch.setattr("clients.openstack.connect", connect)
    return fake


crud: Any = RoleSetProvider()


def state(**changes):
    return ARGS | {"given": [], "revision": 1.0} | changes


def test_making_it_adds_what_is_missing_and_removes_what_is_too_many(keystone):
    keystone.there |= {URL + "admin"}
    made = crud.create(ARGS | {"roles": ["member", "reader"]})
    assert keystone.there == {URL + "member", URL + "reader"}
    assert (made.id, made.outs["revision"]) == ("user/u1/project/p1", 1)


def test_adding_comes_before_removing(keystone):
    keystone.there |= {URL + "admin"}
    crud.create(dict(ARGS))
    assert [method for method, _ in keystone.changes] == ["put", "delete"]


def test_making_it_again_after_it_was_killed_changes_nothing_more(keystone):
    first = crud.create(dict(ARGS))
    keystone.changes.clear()
    assert crud.create(dict(ARGS)).id == first.id
    assert keystone.changes == []


def test_what_was_never_declared_is_left_alone_where_it_is_not_exact(keystone):
    keystone.there |= {URL + "admin", URL + "reader"}
    loose = ARGS | {"roles": ["member", "reader"], "exact": False}
    made = crud.create(loose)
    assert made.outs["given"] == ["member", "reader"]
    changed = crud.update(made.id, made.outs, loose | {"roles": ["manager"]})
    assert keystone.there == {URL + "admin", URL + "manager"}
    assert changed.outs["given"] == ["manager"]


def test_a_role_that_a_killed_run_gave_goes_when_it_is_declared_no_more(keystone):
    loose = ARGS | {"roles": ["member"], "exact": False}
    crud.create(loose)  # killed: nothing of it is saved
    made = crud.create(loose)
    crud.delete(made.id, made.outs)
    assert keystone.there == set()


def test_removing_it_takes_what_was_declared_or_if_exact_everything(keystone):
    keystone.there |= {URL + "admin", URL + "member"}
    crud.delete("id", state(exact=False, given=["member"]))
    assert keystone.there == {URL + "admin"}
    crud.delete("id", state())
    assert keystone.there == set()
    crud.delete("id", state())


def test_grants_that_become_an_account_s_access_change_in_place_and_back(keystone):
    loose = ARGS | {"exact": False}
    made = crud.create(loose)
    diff = crud.diff(made.id, made.outs, dict(ARGS))
    assert (diff.changes, diff.replaces) == (True, [])
    moved = crud.update(made.id, made.outs, dict(ARGS))
    back = crud.update(made.id, moved.outs, loose)
    assert keystone.there == {URL + "member"}
    assert back.outs["given"] == ["member"]


@pytest.mark.usefixtures("keystone")
def test_another_spelling_of_a_name_changes_nothing():
    made = crud.create(ARGS | {"principal": "bot@Default", "scope": "p@corp", "role_names": ["member"]})
    spelled = ARGS | {"principal": "Bot@Default", "scope": "P@corp", "role_names": ["Member"]}
    assert not crud.diff(made.id, made.outs, spelled).changes


@pytest.mark.usefixtures("keystone")
def test_a_refresh_does_not_forget_what_was_given():
    seen = crud.read("id", state(exact=False, given=["member"]))
    assert (seen.inputs["roles"], seen.outs["given"]) == ([], ["member"])


def test_each_change_raises_the_revision(keystone):
    changed = crud.update("id", state(revision=3.0), ARGS | {"roles": ["reader"]})
    assert changed.outs["revision"] == 4
    assert keystone.there == {URL + "reader"}


def test_inherited_roles_and_direct_ones_are_kept_apart(keystone):
    keystone.there |= {URL + "member"}
    crud.create(ARGS | {"roles": ["reader"], "inherited": True})
    inherited = "/OS-INHERIT/projects/p1/users/u1/roles/reader/inherited_to_projects"
    assert keystone.there == {URL + "member", inherited}
    assert crud.read("id", state()).outs["roles"] == ["member"]


def test_the_system_and_domains_have_their_own_places():
    url = role_assignments.url
    assert url(Place("group", "g1", "system", "all"), "r") == "/system/groups/g1/roles/r"
    assert url(Place("group", "g1", "domain", "d1"), "r") == "/domains/d1/groups/g1/roles/r"


@pytest.mark.parametrize(
    ("exact", "seen"), [(True, ["admin", "reader"]), (False, [])], ids=["exact", "at least"]
)
def test_a_refresh_finds_roles_that_others_changed(keystone, exact, seen):
    keystone.there |= {URL + "admin", URL + "reader"}
    found = crud.read("id", state(exact=exact))
    assert found.inputs["roles"] == seen
    assert crud.diff("id", found.outs, ARGS | {"exact": exact}).changes


def test_a_place_without_roles_is_drift_and_one_that_is_gone_is_gone(keystone):
    assert crud.read("id", state()).inputs["roles"] == []
    keystone.gone.add("/users/u1")
    assert crud.read("id", state()).id == ""


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "with --refresh"), (403, "role admin"), (409, "belongs to a domain"), (500, "500")],
)
def test_what_keystone_refuses_is_said_in_a_sentence(keystone, status, message):
    keystone.refused["put", URL + "member"] = status
    with pytest.raises(CloudError, match=message) as raised:
        crud.create(dict(ARGS))
    assert f"Keystone's word on {status}." in str(raised.value)
    assert "user u1 on project p1" in str(raised.value)


def test_roles_are_changed_in_place_and_another_place_is_another_resource():
    assert crud.diff("id", state(), ARGS | {"roles": ["reader"]}).replaces == []
    assert crud.diff("id", state(), ARGS | {"scope_id": "p2"}).replaces == ["scope_id"]
    assert crud.diff("id", state(), ARGS | {"inherited": True}).replaces == ["inherited"]


def test_ids_that_are_not_known_yet_pass_the_check():
    unknown = {"principal_id": Unknown(), "scope_id": Unknown(), "roles": [Unknown()]}
    assert crud.check({}, ARGS | unknown).failures == []


def test_names_in_state_are_a_schema():
    assert RoleSet._resource_type_name == "dynamic/identity:RoleSet"
    assert RoleSetProvider.__module__ == "dynamic_providers.role_set.provider"
    assert RoleSetProvider.__qualname__ == "RoleSetProvider"
    assert set(RoleSetArgs.model_fields) == {*ARGS, "inherited", "exact", "principal", "scope", "role_names"}


def test_a_renamed_principal_keeps_the_roles_that_the_same_run_declares(keystone):
    """The resource of the former name is deleted at the run's end, after that of the new name was made."""
    in_a_run: Any = RoleSetProvider()
    in_a_run.configure(None)
    keystone.there |= {URL + "member", URL + "reader"}
    former = state(roles=["member", "reader"], given=["member", "reader"], exact=False, principal="bot@corp")
    made = in_a_run.create(ARGS | {"exact": False, "principal": "robot@corp"})
    in_a_run.delete(made.id, former)
    assert keystone.there == {URL + "member"}


def test_a_replaced_role_set_is_deleted_before_this_run_has_made_it(keystone):
    in_a_run: Any = RoleSetProvider()
    in_a_run.configure(None)
    keystone.there |= {URL + "member"}
    in_a_run.delete("user/u1/project/p1", state(given=["member"]))
    assert keystone.there == set()
    in_a_run.create(dict(ARGS))
    assert keystone.there == {URL + "member"}


PROJECT_SCOPE = {"project": {"id": "p-own", "domain": {"id": "d-own"}}}
DOMAIN_SCOPE = {"domain": {"id": "d-own"}}


@pytest.mark.parametrize(
    ("place", "scope", "role", "refused"),
    [
        (Place("user", "u-own", "system", "all"), PROJECT_SCOPE, "reader", True),
        (Place("group", "g-own", "system", "all"), PROJECT_SCOPE, "admin", True),
        (Place("user", "u1", "system", "all"), PROJECT_SCOPE, "admin", False),
        (Place("group", "g1", "system", "all"), PROJECT_SCOPE, "admin", False),
        (Place("user", "u-own", "project", "p-own"), PROJECT_SCOPE, "admin", True),
        (Place("user", "u-own", "project", "p-own"), PROJECT_SCOPE, "member", False),
        (Place("user", "u-own", "project", "p1"), PROJECT_SCOPE, "admin", False),
        (Place("user", "u-own", "domain", "d-own", inherited=True), PROJECT_SCOPE, "admin", True),
        (Place("user", "u-own", "domain", "d-own"), PROJECT_SCOPE, "admin", False),
        (Place("group", "g-own", "domain", "d-own"), DOMAIN_SCOPE, "admin", True),
    ],
    ids=str,
)
def test_the_roles_that_this_run_itself_needs_are_not_taken_away(keystone, place, scope, role, refused):
    keystone.scope = scope
    keystone.there = {role_assignments.url(place, role)}
    declared = {
        "principal_kind": place.principal_kind,
        "principal_id": place.principal_id,
        "scope_kind": place.scope_kind,
        "scope_id": place.scope_id,
        "inherited": place.inherited,
        "exact": False,
    }
    given = state(given=[role], roles=[role], **declared)
    changed = ARGS | declared | {"roles": ["other"]}
    looked = crud.refusals(place.identity, given)
    assert keystone.changes == []
    assert [
        f"role {role} of {place.principal_kind} {place.principal_id}" in message for message in looked
    ] == [True] * refused
    if not refused:
        crud.delete(place.identity, given)
        assert keystone.there == set()
        return
    for take in (
        lambda: crud.delete(place.identity, given),
        lambda: crud.update(place.identity, given, changed),
    ):
        with pytest.raises(InUseError, match=f"role {role} of {place.principal_kind} {place.principal_id}"):
            take()
        assert keystone.changes == []
    assert keystone.there == {role_assignments.url(place, role)}


def test_whether_this_run_needs_a_role_is_not_asked_where_none_goes(keystone):
    keystone.auth_token = "another"
    crud.create(dict(ARGS))
    assert keystone.there == {URL + "member"}
