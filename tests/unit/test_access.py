"""Grants: what a stack file may say, what each makes, and the sentences for names that Keystone does not have.

The look-ups are Pulumi's mocks here; tests/lab/test_access.py asks a real Keystone.
"""

from typing import Any

import grpc
import pulumi
import pulumi_openstack as openstack
import pytest
from pulumi.runtime import mocks
from pydantic import ValidationError

from clients.errors import CloudError
from components.identity import lookup
from components.identity.grants import make_grants
from components.identity.ids import Ids
from components.identity.lookup import id_of
from components.identity.missing_names import missing_principal, missing_role, of_a_domain
from config.checks.identity import access_problems
from config.grant import RoleGrantSpec
from config.settings import Settings

IDS = Ids({"corp": "s1"}, {"Default": "default"}, {"p@corp": "s1"})
GRANT = {"role": "member", "user": {"name": "runner", "domain": "Default"}, "scope": {"domain": "corp"}}
ROLE_SET = "pulumi-python:dynamic/identity:RoleSet"


class RefusedError(grpc.RpcError):
    """What a look-up that fails looks like to the SDK."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return self.message


class Recorder(mocks.Mocks):
    def __init__(self, error: str = "") -> None:
        self.error = error
        self.made: list[mocks.MockResourceArgs] = []
        self.calls: list[str] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.made.append(args)
        return f"id-of-{args.name}", args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        self.calls.append(args.args["name"])
        if self.error:
            raise RefusedError(self.error)
        return {**args.args, "id": f"id-of-{args.args['name']}"}, []


class Holder(pulumi.ComponentResource):
    def __init__(self, *providers: pulumi.ProviderResource) -> None:
        super().__init__("test:Holder", "holder", None, pulumi.ResourceOptions(providers=list(providers)))


def granted(*changes: dict[str, Any]) -> list[mocks.MockResourceArgs]:
    """The role sets that GRANT makes with each of CHANGES, all in one stack file."""
    recorder = Recorder()
    mocks.set_mocks(recorder, project="private-cloud", stack="test")
    specs = [RoleGrantSpec.model_validate(GRANT | more) for more in changes]
    pulumi.runtime.test(
        lambda: make_grants(specs, cloud="c", ids=IDS, opts=pulumi.ResourceOptions()) and None
    )()
    return [args for args in recorder.made if args.typ == ROLE_SET]


def sentences(changes: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        RoleGrantSpec.model_validate(GRANT | changes)
    return [error["msg"] for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("scope", "kind"), [({"domain": "corp"}, "domain"), ({"project": "p", "domain": "corp"}, "project")]
)
@pytest.mark.parametrize("inherited", [True, False])
def test_a_grant_is_a_role_set_on_its_scope(scope: dict[str, str], kind: str, inherited: bool) -> None:
    (made,) = granted({"scope": scope, "inherited": inherited})
    found = {key: made.inputs[key] for key in ("scope_kind", "scope_id", "inherited", "roles")}
    assert found == {"scope_kind": kind, "scope_id": "s1", "inherited": inherited, "roles": ["id-of-member"]}


def test_a_grant_on_the_system_leaves_the_other_roles_there_alone() -> None:
    (made,) = granted({"scope": {"system": "all"}})
    assert {key: made.inputs[key] for key in ("principal_kind", "principal_id", "scope_kind", "roles")} == {
        "principal_kind": "user",
        "principal_id": "id-of-runner",
        "scope_kind": "system",
        "roles": ["id-of-member"],
    }
    assert made.inputs["exact"] is False


def test_roles_of_one_user_on_one_scope_are_one_resource_however_the_names_are_spelled() -> None:
    other = {"role": "reader", "user": {"name": "Runner", "domain": "Default"}}
    (made,) = granted({}, other)
    assert made.inputs["roles"] == ["id-of-member", "id-of-reader"]
    assert made.name == granted({"user": {"name": "RUNNER", "domain": "Default"}})[0].name


def test_a_grant_and_its_inherited_twin_are_two_grants() -> None:
    names = {
        RoleGrantSpec.model_validate(GRANT | {"inherited": inherited}).qualified_name
        for inherited in (True, False)
    }
    assert names == {"member/user/runner@Default/corp", "member/user/runner@Default/corp/inherited"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scope": {}}, "the scope names nothing"),
        ({"scope": {"project": "p"}}, "the scope names project 'p' without its domain"),
        ({"scope": {"system": "all", "domain": "corp"}}, "the whole system has no project and no domain"),
        ({"scope": {"system": "all"}, "inherited": True}, "nothing inherits from the system scope"),
    ],
)
def test_a_scope_is_one_place_or_gets_a_sentence(changes: dict[str, Any], message: str) -> None:
    assert any(message in sentence for sentence in sentences(changes))


@pytest.mark.parametrize("allowed", [True, False])
def test_a_grant_on_the_system_is_refused_unless_allowed(allowed: bool) -> None:
    settings = Settings.model_validate(
        {
            "openstack": {"cloud": "c", "allow_system_scope": allowed},
            "grants": [GRANT | {"scope": {"system": "all"}}],
        }
    )
    messages = [(problem.path, problem.sentence) for problem in access_problems(settings)]
    assert bool(messages) is not allowed
    assert all(path == ("grants", 0, "scope", "system") for path, _ in messages)
    assert all("openstack.allow_system_scope" in sentence for _, sentence in messages)


def test_a_grant_on_the_system_has_nothing_to_adopt() -> None:
    grant = GRANT | {"scope": {"system": "all"}, "adopt": "//g//r"}
    settings = Settings.model_validate(
        {"openstack": {"cloud": "c", "allow_system_scope": True}, "grants": [grant]}
    )
    (problem,) = access_problems(settings)
    assert problem.path == ("grants", 0, "adopt")
    assert "leave adopt out" in problem.sentence


OWN_IDS = {
    "domain": ({"scope": {"domain": "corp"}}, "s1///id-of-runner/id-of-member"),
    "project": ({"scope": {"project": "p", "domain": "corp"}}, "/s1//id-of-runner/id-of-member"),
    "group": (
        {"user": None, "group": {"name": "devs", "domain": "Default"}},
        "s1//id-of-devs//id-of-member",
    ),
    "inherited": ({"inherited": True}, "s1///id-of-runner/id-of-member"),
}


@pytest.mark.parametrize(("changes", "own_id"), OWN_IDS.values(), ids=OWN_IDS)
def test_a_grants_own_id_is_adopted_and_another_is_refused(changes: dict[str, Any], own_id: str) -> None:
    (made,) = granted({**changes, "adopt": own_id})
    assert made.inputs["principal_id"] in ("id-of-runner", "id-of-devs")
    with pytest.raises(pulumi.RunError, match=f"another grant's id; its own is {own_id}"):
        granted({**changes, "adopt": own_id.replace("member", "admin")})


def test_only_the_grant_with_the_id_is_compared() -> None:
    reader = {"role": "reader"}
    (made,) = granted(reader, {"adopt": OWN_IDS["domain"][1]})
    assert made.inputs["roles"] == ["id-of-member", "id-of-reader"]


def test_a_name_is_asked_for_once_however_many_grants_name_it() -> None:
    recorder = Recorder()
    mocks.set_mocks(recorder, project="private-cloud", stack="test")

    def program() -> None:
        holder = Holder(openstack.Provider("openstack", cloud="c"))
        for _ in range(3):
            id_of("role", "member", holder)
            id_of("user", "runner", holder, domain="Default", domain_id="default")
        id_of("user", "runner", holder, domain="corp", domain_id="corp-id")

    pulumi.runtime.test(program)()
    assert sorted(recorder.calls) == ["member", "runner", "runner"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("Your query returned more than one result", "there is more than one user 'runner' in domain 'corp'"),
        ("Expected [200] but got 500 instead", "check that Keystone reaches it"),
        (
            "OpenStack connection error, retries exhausted. Last error was: EOF",
            "check that Keystone reaches it",
        ),
        (
            "rpc error: code = Canceled desc = returned no results",
            "was cancelled before Keystone had answered",
        ),
        (
            'Get "https://k/v3/users?name=context": context canceled',
            "was cancelled before Keystone had answered",
        ),
        ("group cancellations: returned no results", "there is no user 'runner'"),
    ],
)
def test_a_lookup_that_fails_says_what_to_do(error: str, message: str) -> None:
    mocks.set_mocks(Recorder(error), project="private-cloud", stack="test")
    with pytest.raises(pulumi.RunError, match=message):
        pulumi.runtime.test(lambda: id_of("user", "runner", Holder(), domain="corp", domain_id="c1"))()


def test_an_answer_about_another_name_is_no_answer() -> None:
    class Other(Recorder):
        def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
            return {**args.args, "id": "1", "name": "runner-2"}, []

    mocks.set_mocks(Other(), project="private-cloud", stack="test")
    with pytest.raises(pulumi.RunError, match="answered with 'runner-2'"):
        pulumi.runtime.test(lambda: id_of("user", "runner", Holder(), domain="corp", domain_id="c1"))()


def test_the_missing_name_reaches_the_sentence_with_the_cloud_that_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookup, "missing", lambda *message: f"missing {message}")
    mocks.set_mocks(Recorder("query returned no results"), project="private-cloud", stack="test")

    with pytest.raises(pulumi.RunError, match=r"\('role', 'membr', None, 'entry'\)"):
        pulumi.runtime.test(
            lambda: id_of("role", "membr", Holder(openstack.Provider("openstack", cloud="entry")))
        )()


def test_a_lookup_that_the_login_fails_names_the_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(cloud: str) -> None:
        raise CloudError(f"cloud {cloud!r}: no token from https://keystone.example")

    monkeypatch.setattr(lookup, "connect", refused)
    mocks.set_mocks(Recorder("Authentication failed"), project="private-cloud", stack="test")
    with pytest.raises(pulumi.RunError, match="could not look up role 'member': cloud 'entry': no token"):
        pulumi.runtime.test(
            lambda: id_of("role", "member", Holder(openstack.Provider("openstack", cloud="entry")))
        )()


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("_member_", ["admin", "member"], "grant 'member'"),
        ("_member_", ["admin", "member"], "the default role from before Rocky"),
        ("member", ["_member_", "admin"], "run `keystone-manage bootstrap` again"),
        ("member", ["_member_", "admin"], "grant '_member_'"),
        ("member", ["admin", "user"], "the roles there are: admin, user"),
        ("membr", ["reader", "member", "admin"], "among admin, member, reader; did you mean 'member'?"),
        ("observer", ["member", "admin"], "among admin, member; make it, or correct the name"),
    ],
)
def test_a_missing_role_is_explained_by_the_roles_there_are(
    name: str, known: list[str], message: str
) -> None:
    sentence = missing_role(name, known)
    assert message in sentence
    assert f"there is no role {name!r}" in sentence


@pytest.mark.parametrize(
    ("elsewhere", "silent", "message"),
    [
        ([], [], "there is no group 'dev' in domain 'corp'; make it, or correct the name in the stack file"),
        (["Default"], [], "domain 'Default' has a group of that name"),
        (["b", "a"], [], "domain 'a' and domain 'b' have a group of that name"),
        ([], ["partners", "corp"], "(domain partners could not be asked for one of that name)"),
    ],
)
def test_a_missing_principal_says_where_it_was_searched_and_where_one_is(
    elsewhere: list[str], silent: list[str], message: str
) -> None:
    sentence = missing_principal("group", "dev", "corp", elsewhere, silent)
    assert message in sentence
    assert "in domain 'corp'" in sentence


def test_a_role_of_a_domain_is_not_said_to_be_missing() -> None:
    sentence = of_a_domain("builder", ["corp"])
    assert "is one of domain corp alone" in sentence
    assert "grant the role that it implies" in sentence
    assert "there is no role" not in sentence
