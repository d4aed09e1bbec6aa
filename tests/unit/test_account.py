"""Accounts in the stack file: each mistake gets its sentence; and what a service account makes of a good one."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from components.identity.account import ServiceAccount
from components.identity.ids import Ids
from config.account import AccessSpec, AccountSpec
from config.load import SettingsError, parse

Stack = dict[str, Any]

GOOD: Stack = yaml.safe_load("""
openstack: {cloud: admin}
domains: [{name: corp}]
projects: [{name: development, domain: corp}, {name: tests, domain: corp}]
accounts:
  - name: nightly
    domain: Default
    password: {generated: 1}
    access:
      - {roles: [member, reader], project: development, domain: corp}
      - {roles: [reader], domain: corp, inherited: true}
    application_credentials:
      - {name: pipeline, project: development, domain: corp, roles: [member], serials: [1, 2]}
      - {name: look, project: tests, domain: corp, expires: "2031-01-01T00:00:00Z"}
""")


def mistakes(stack: Stack) -> list[str]:
    try:
        parse(stack, file_name="Pulumi.test.yaml", root=Path())
    except SettingsError as error:
        return error.sentences
    return []


def account(stack: Stack) -> Stack:
    found: Stack = stack["accounts"][0]
    return found


def credential(stack: Stack) -> Stack:
    found: Stack = account(stack)["application_credentials"][0]
    return found


def test_a_good_file_has_no_mistakes() -> None:
    assert mistakes(GOOD) == []


MISTAKES: list[tuple[Callable[[Stack], object], str, str]] = [
    (lambda s: account(s).update(domain="crop"), "accounts[0].domain", "did you mean 'corp'?"),
    (
        lambda s: account(s)["access"][0].update(project="dev"),
        ".access[0].project",
        "'dev@corp' is not known",
    ),
    (lambda s: account(s)["access"][1].update(domain="crop"), ".access[1].domain", "did you mean 'corp'?"),
    (lambda s: account(s)["access"][0].update(roles=[]), ".access[0].roles", "give a list of names of roles"),
    (lambda s: account(s)["access"][0].update(roles=["a", "a"]), ".access[0].roles", "'a' is given twice"),
    (
        lambda s: account(s)["access"].append(account(s)["access"][0]),
        "accounts[0].access[2]",
        "access on 'development@corp' already",
    ),
    (lambda s: account(s).update(password={"generatd": 1}), "accounts[0].password", "give {generated: 1}"),
    (lambda s: account(s).update(password={"generated": 0}), "accounts[0].password", "a serial from 1"),
    (lambda s: account(s).update(password=""), "accounts[0].password", "the secret is empty"),
    (lambda s: account(s).update(password="open"), "accounts[0].password", "in plain text"),
    (
        lambda s: credential(s).update(project="tests", domain="Default"),
        ".application_credentials[0].project",
        "the account has no role on project 'tests@Default'",
    ),
    (
        lambda s: credential(s).update(project="tset", roles=[]),
        ".application_credentials[0].project",
        "did you mean 'tests@corp'?",
    ),
    (lambda s: credential(s).update(roles=["admin"]), ".roles[0]", "only member, reader"),
    (lambda s: credential(s).update(serials=[]), ".serials", "give rising numbers from 1"),
    (lambda s: credential(s).update(serials=[2, 1]), ".serials", "give rising numbers from 1"),
    (lambda s: credential(s).update(serials=[1, 1]), ".serials", "give rising numbers from 1"),
    (lambda s: credential(s).update(name="look"), "[1].name", "there is a credential 'look' already"),
    (lambda s: credential(s).update(expires="2031-01-01"), ".expires", "not a moment with its time zone"),
    (lambda s: credential(s).update(expires="soon"), ".expires", "give one such as '2027-06-30T00:00:00Z'"),
    (
        lambda s: credential(s).update(access_rules=[{"service": "image", "method": "get", "path": "/v2"}]),
        ".access_rules[0].method",
        "did you mean 'GET'?",
    ),
    (
        lambda s: s["accounts"].append({**account(s), "name": "NIGHTLY"}),
        "accounts[1] (NIGHTLY)",
        "is declared already at accounts[0]",
    ),
    (
        lambda s: s.update(
            grants=[
                {
                    "role": "member",
                    "user": {"name": "nightly", "domain": "Default"},
                    "scope": {"project": "tests", "domain": "corp"},
                }
            ]
        ),
        "grants[0].user",
        "declare the role under accounts[0].access",
    ),
]


@pytest.mark.parametrize(
    ("change", "where", "sentence"), MISTAKES, ids=[where + what for _, where, what in MISTAKES]
)
def test_a_mistake_is_told_once_with_its_key_and_what_would_be_right(
    change: Callable[[Stack], object], where: str, sentence: str
) -> None:
    stack = copy.deepcopy(GOOD)
    change(stack)
    sentences = mistakes(stack)
    assert [found for found in sentences if where in found and sentence in found], sentences
    if ".access[" not in where:  # a credential that misses its access says so too
        assert len(sentences) == 1, sentences


def test_no_sentence_repeats_a_password() -> None:
    stack = copy.deepcopy(GOOD)
    account(stack)["password"] = {"given": "hunter2"}
    (sentence,) = mistakes(stack)
    assert "hunter2" not in sentence


def test_inherited_roles_count_on_the_projects_of_their_domain_only() -> None:
    spec = AccountSpec.model_validate(account(GOOD))
    assert spec.roles_on("development", "corp") == ("member", "reader")
    assert spec.roles_on("tests", "corp") == ("reader",)
    assert spec.roles_on("tests", "other") == ()


def test_roles_that_are_inherited_from_a_project_do_not_count_on_the_others_of_its_domain() -> None:
    access = AccessSpec(roles=("reader",), project="parent", domain="corp", inherited=True)
    assert not access.reaches("tests", "corp")
    assert not access.reaches("parent", "corp"), "inherited roles count below it only"


USER = "openstack:identity/user:User"
CREDENTIAL = "pulumi-python:dynamic/identity:ApplicationCredential"
ROLE_SET = "pulumi-python:dynamic/identity:RoleSet"
FOUND_OUT: dict[str, Stack] = {
    ROLE_SET: {"revision": 2},
    CREDENTIAL: {"credential_id": "c1", "secret": "s1"},
    "pulumi-python:dynamic/identity:GeneratedPassword": {"password": "p1"},
}


class Recorder(mocks.Mocks):
    def __init__(self) -> None:
        self.resources: list[mocks.MockResourceArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.resources.append(args)
        return f"id-of-{args.name}", args.inputs | FOUND_OUT.get(args.typ, {})

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {**args.args, "id": f"id-of-{args.args['name']}"}, []

    def of(self, kind: str) -> dict[str, Stack]:
        return {made.name: made.inputs for made in self.resources if made.typ == kind}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Recorder, dict[str, str]]:
    """What the good account makes, and its login files."""
    clouds = {"clouds": {"admin": {"auth": {"auth_url": "https://keystone.corp.example/v3"}}}}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(clouds), encoding="utf-8")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    recorder = Recorder()
    files: dict[str, str] = {}
    mocks.set_mocks(recorder, project="private-cloud", stack="test")

    def program() -> None:
        one = ServiceAccount(
            "nightly@Default",
            AccountSpec.model_validate(account(GOOD)),
            cloud="admin",
            ids=Ids(
                domains={"Default": "default", "corp": "c"},
                principals_domains={"Default": "default", "corp": "c"},
                projects={
                    "development@corp": "d",
                    "tests@corp": "t",
                },
            ),
        )
        pulumi.Output.all(**one.login_files).apply(files.update)

    pulumi.runtime.test(program)()
    return recorder, files


def test_an_account_is_a_user_whose_password_nobody_has_to_change(made: tuple[Recorder, Any]) -> None:
    (user,) = made[0].of(USER).values()
    assert (user["name"], user["domainId"]) == ("nightly", "default")
    assert user["password"]["value"] == "p1", "it is marked as secret"
    assert user["ignorePasswordExpiry"]
    assert user["ignoreChangePasswordUponFirstUse"]


def test_an_account_has_one_exact_role_set_a_scope(made: tuple[Recorder, Any]) -> None:
    found = made[0].of(ROLE_SET)
    assert {
        name: (each["scope_kind"], each["scope_id"], each["inherited"], each["roles"], each["exact"])
        for name, each in found.items()
    } == {
        "user/nightly@default/development@corp": (
            "project",
            "d",
            False,
            ["id-of-member", "id-of-reader"],
            True,
        ),
        "user/nightly@default/corp/inherited": ("domain", "c", True, ["id-of-reader"], True),
    }


def test_a_credential_has_a_resource_a_serial_and_rests_on_every_role_set_that_reaches_its_project(
    made: tuple[Recorder, Any],
) -> None:
    found = made[0].of(CREDENTIAL)
    assert {
        name: (each["name"], each["project_id"], each["roles"], each["revision"], each.get("expires_at"))
        for name, each in found.items()
    } == {
        "nightly@default/pipeline/1": ("pipeline-1", "d", ["id-of-member"], 4, None),
        "nightly@default/pipeline/2": ("pipeline-2", "d", ["id-of-member"], 4, None),
        "nightly@default/look/1": ("look-1", "t", ["id-of-reader"], 2, "2031-01-01T00:00:00+00:00"),
    }


def test_the_login_files_name_credentials_before_passwords(made: tuple[Recorder, dict[str, str]]) -> None:
    files = made[1]
    assert list(files) == ["nightly@Default/clouds.yaml", "nightly@Default/openrc"]
    assert list(yaml.safe_load(files["nightly@Default/clouds.yaml"])["clouds"]) == [
        "nightly@Default/pipeline",
        "nightly@Default/look",
        "nightly@Default/development@corp",
    ]
    assert "export OS_AUTH_TYPE=v3applicationcredential" in files["nightly@Default/openrc"]
