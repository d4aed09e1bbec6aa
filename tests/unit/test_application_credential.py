"""An application credential's CRUD against a fake Keystone at the REST level.

The fake answers as Keystone 30 did in the lab, where tests/lab/test_accounts.py runs the same for real.
"""

import json
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from pulumi.output import Unknown

from clients.errors import CloudError
from dynamic_providers.application_credential import credentials
from dynamic_providers.application_credential.provider import (
    ApplicationCredential,
    ApplicationCredentialProvider,
)
from dynamic_providers.generated_password.provider import GeneratedPassword, GeneratedPasswordProvider

ARGS = {
    "cloud": "admin",
    "user_id": "u1",
    "password": "hunter2",
    "project_id": "p1",
    "name": "pipeline-1",
    "roles": ["member"],
    "access_rules": [],
    "revision": 1.0,
    "owner_stack": "private-cloud/dev",
}
STATE = ARGS | {"credential_id": "c1", "secret": "s1"}
OURS = "Made by the Pulumi stack private-cloud/dev"

crud: Any = ApplicationCredentialProvider()


def answer(status, body=None):
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps(body or {}).encode()
    return response


class FakeKeystone:
    """One user's credentials; `refusals` are the next answers to a POST."""

    def __init__(self):
        self.there = {}
        self.refusals = []
        self.posted = []
        self.logins = []
        self.identity = self

    def post(self, _url, json):
        wanted = json["application_credential"]
        self.posted.append(wanted)
        if self.refusals:
            return answer(self.refusals.pop(0), {"error": {"message": "Keystone's word."}})
        if wanted["name"] in [found["name"] for found in self.there.values()]:
            return answer(409, {"error": {"message": "Duplicate entry."}})
        made = {**wanted, "id": f"c{len(self.posted)}", "secret": f"s{len(self.posted)}"}
        self.there[made["id"]] = made
        return answer(201, {"application_credential": made})

    def get(self, url, params=None):
        if params:
            found = [each for each in self.there.values() if each["name"] == params["name"]]
            return answer(200, {"application_credentials": found})
        one = self.there.get(url.rsplit("/", 1)[-1])
        return answer(200, {"application_credential": one}) if one else answer(404)

    def delete(self, url):
        return answer(204 if self.there.pop(url.rsplit("/", 1)[-1], None) else 404)


@pytest.fixture
def keystone(monkeypatch):
    fake = FakeKeystone()

    @contextmanager
    def connect(_cloud, login=None):
        fake.logins.append(login)
        yield fake

    monkeypatch.setattr("clients.openstack.connect", connect)
    monkeypatch.setattr(credentials, "REVOKED_S", 0)
    return fake


def test_the_account_itself_makes_it_and_never_unrestricted(keystone):
    made = crud.create(ARGS | {"expires_at": "2031-01-31T12:00:00+01:00"})
    assert (made.id, made.outs["secret"]) == ("c1", "s1")
    (login,) = keystone.logins
    assert (login.user_id, login.password, login.project_id) == ("u1", "hunter2", "p1")
    (wanted,) = keystone.posted
    assert wanted["unrestricted"] is False
    assert wanted["roles"] == [{"id": "member"}]
    assert wanted["expires_at"] == "2031-01-31T11:00:00.000000Z"
    assert "access_rules" not in wanted


def test_what_a_killed_run_made_is_deleted_because_nobody_has_its_secret(keystone):
    keystone.there["lost"] = {"id": "lost", "name": "pipeline-1", "description": OURS}
    crud.create(dict(ARGS))
    assert [each["name"] for each in keystone.there.values()] == ["pipeline-1"]
    assert "lost" not in keystone.there


def test_one_of_that_name_that_somebody_else_made_is_left_alone(keystone):
    keystone.there["theirs"] = {"id": "theirs", "name": "pipeline-1", "description": None}
    with pytest.raises(CloudError, match="that this stack did not make"):
        crud.create(dict(ARGS))
    assert list(keystone.there) == ["theirs"]


def test_a_token_refused_in_the_second_of_a_password_change_is_asked_for_again(keystone):
    keystone.refusals = [401, 401]
    assert crud.create(dict(ARGS)).outs["secret"]
    assert len(keystone.logins) == 3


@pytest.mark.parametrize("status", [400, 401, 403])
def test_what_keystone_refuses_is_said_without_the_password(keystone, status):
    keystone.refusals = [status] * 3
    with pytest.raises(CloudError, match=r"Keystone's word\.") as raised:
        crud.create(dict(ARGS))
    assert "hunter2" not in str(raised.value)


def test_one_that_would_be_past_its_end_is_not_made(keystone):
    with pytest.raises(CloudError, match="give a later `expires`"):
        crud.create(ARGS | {"expires_at": "2020-01-01T00:00:00+00:00"})
    assert keystone.posted == []


def test_reading_and_deleting_are_the_administrators_and_need_no_password(keystone):
    keystone.there["c1"] = {"id": "c1", "name": "pipeline-1"}
    assert crud.read("c1", dict(STATE)).outs["secret"] == "s1"
    crud.delete("c1", dict(STATE))
    crud.delete("c1", dict(STATE))
    assert crud.read("c1", dict(STATE)).id == ""
    assert keystone.logins == [None] * 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "u2"),
        ("project_id", "p2"),
        ("name", "pipeline-2"),
        ("roles", ["reader"]),
        ("access_rules", [{"service": "image", "method": "GET", "path": "/v2"}]),
        ("expires_at", "2031-01-01T00:00:00+00:00"),
        ("revision", 2.0),
        ("revision", Unknown()),
    ],
)
def test_whatever_it_rests_on_makes_it_anew(field, value):
    result = crud.diff("c1", STATE, ARGS | {field: value})
    assert result.replaces == [field]
    assert result.delete_before_replace


@pytest.mark.parametrize("field", ["password", "owner_stack"])
def test_another_password_or_stack_leaves_it_alone(field):
    assert not crud.diff("c1", STATE, ARGS | {field: "other"}).changes


def test_no_failure_of_the_check_repeats_the_password():
    failures = crud.check({}, ARGS | {"roles": [], "password": ["hunter2"]}).failures
    assert {each.property for each in failures} == {"roles", "password"}
    assert "hunter2" not in "".join(each.reason for each in failures)


generated: Any = GeneratedPasswordProvider()


def test_a_generated_password_fits_every_file_and_is_never_the_same():
    found = {generated.create({"serial": 1.0}).outs["password"] for _ in range(20)}
    assert len(found) == 20
    for password in found:
        assert len(password) == 32
        assert password.isascii()
        assert password.isalnum()
        assert password not in (password.lower(), password.upper())


def test_another_serial_is_another_password_in_place():
    state = generated.create({"serial": 1.0}).outs
    result = generated.diff("generated", state, {"serial": 2.0})
    assert (result.changes, result.replaces) == (True, [])
    assert generated.update("generated", state, {"serial": 2.0}).outs["password"] != state["password"]
    assert generated.read("generated", state).outs == state
    assert not generated.diff("generated", state, {"serial": 1.0}).changes


def test_names_in_state_are_a_schema():
    assert ApplicationCredential._resource_type_name == "dynamic/identity:ApplicationCredential"
    assert GeneratedPassword._resource_type_name == "dynamic/identity:GeneratedPassword"
    for provider, package in (
        (ApplicationCredentialProvider, "application_credential"),
        (GeneratedPasswordProvider, "generated_password"),
    ):
        assert provider.__module__ == f"dynamic_providers.{package}.provider"


def test_a_login_that_may_delete_no_credentials_is_told_what_it_has_to_be(keystone, monkeypatch):
    output = "Using method 'application_credential' is not allowed for managing additional application credentials."
    monkeypatch.setattr(keystone, "delete", lambda _url: answer(403, {"error": {"message": output}}))
    with pytest.raises(
        CloudError, match=r": 403, .* The login of `openstack.cloud`.*made with --unrestricted"
    ):
        crud.delete("c1", dict(STATE))
