"""A domain whose users are in an LDAP directory: real OpenLDAP with TLS, real Keystone, the real program."""

import json
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from keystoneauth1 import exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from openstack.connection import Connection

from clients.directory import tls
from clients.directory.login import UnreachableError
from clients.directory.probe import probe
from clients.directory.settings import Named
from components.identity.directory_renderings import probe_settings
from components.identity.domain import preflight
from config.directory import DirectorySpec
from config.secret import SecretText
from lab.settings import LDAP_BASE
from tests.lab.cloud_stack import lab_environment
from tests.lab.own_directory import OwnDirectory
from tests.program_copy import ProgramCopy

STACK = "directory"
DEVELOPERS = f"cn=developers,ou=groups,{LDAP_BASE}"
PERSON = "chidi"  # of the developers


@dataclass
class DirectoryStack:
    """A stack with one domain that has a directory, one project in it, and one grant to a group."""

    program: ProgramCopy
    directory: OwnDirectory
    suffix: str
    admin: Connection

    @property
    def domain(self) -> str:
        return f"corp-{self.suffix}"

    @property
    def project(self) -> str:
        return f"development-{self.suffix}"

    def declare(self, *, group: str = "developers", domain: str = "", **changed: Any) -> None:
        """Writes the stack file; CHANGED are keys of the directory."""
        domain = domain or self.domain
        grant = {
            "role": "member",
            "group": {"name": group, "domain": domain},
            "scope": {"project": self.project, "domain": domain},
        }
        config = {
            "openstack": {"cloud": "lab-admin"},
            "domains": [{"name": domain, "directory": self.directory.spec | changed}],
            "projects": [{"name": self.project, "domain": domain}],
            "grants": [grant],
        }
        text = yaml.safe_dump({"config": {f"private-cloud:{key}": value for key, value in config.items()}})
        self.program.file(STACK).write_text(text, encoding="utf-8")

    def use_password(self, password: str) -> None:
        """Lets the program know another password."""
        self.program = ProgramCopy(
            self.program.folder, {**self.program.environment, "DIRECTORY_PASSWORD": password}
        )

    def up(self, *more: str) -> str:
        return self.program.succeed("up", "--yes", "--skip-preview", "--stack", STACK, *more)

    @property
    def domain_id(self) -> str | None:
        answer = self.admin.identity.get("/domains", params={"name": self.domain}).json()["domains"]
        return str(answer[0]["id"]) if answer else None

    @property
    def options(self) -> dict[str, Any]:
        """What Keystone tells of the configuration; empty where there is none."""
        answer = self.admin.identity.get(f"/domains/{self.domain_id}/config")
        config: dict[str, Any] = answer.json().get("config", {})
        return config

    def login(self, name: str, password: str) -> dict[str, Any]:
        """The token of NAME for the project."""
        auth = v3.Password(
            auth_url=self.admin.config.config["auth"]["auth_url"],
            username=name,
            password=password,
            user_domain_name=self.domain,
            project_name=self.project,
            project_domain_name=self.domain,
        )
        access = auth.get_access(Session(timeout=60))
        return {
            "user": access.username,
            "roles": list(access.role_names or []),
            "project": access.project_name,
        }


@pytest.fixture(scope="module")
def stack(
    own_directory: OwnDirectory, tmp_path_factory: pytest.TempPathFactory, administrator: Connection
) -> Iterator[DirectoryStack]:
    folder = tmp_path_factory.mktemp("directory-stack")
    environment = lab_environment() | {"DIRECTORY_PASSWORD": own_directory.bind_password}
    program = ProgramCopy.make(folder, environment)
    stack = DirectoryStack(program, own_directory, f"t{secrets.token_hex(3)}", administrator)
    program.stack(STACK, "config: {}\n")
    stack.declare()
    try:
        stack.up()
        yield stack
    finally:
        stack.declare()
        stack.program.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK)
        shutil.rmtree(folder)


def test_a_person_of_the_directory_gets_a_token_by_the_groups_grant(stack: DirectoryStack) -> None:
    token = stack.login(PERSON, stack.directory.people_password)
    assert (token["user"], token["project"]) == (PERSON, stack.project)
    assert "member" in token["roles"]


def test_a_wrong_password_is_refused(stack: DirectoryStack) -> None:
    with pytest.raises(exceptions.Unauthorized):
        stack.login(PERSON, "wrong")


def test_a_person_of_no_granted_group_gets_no_token(stack: DirectoryStack) -> None:
    with pytest.raises(exceptions.Unauthorized):
        stack.login("hana", stack.directory.people_password)


def test_a_person_moved_out_of_the_group_loses_what_the_grant_gave(stack: DirectoryStack) -> None:
    member = f"member: uid={PERSON},ou=people,{LDAP_BASE}"
    stack.directory.modify(DEVELOPERS, "delete: member", member)
    try:
        with pytest.raises(exceptions.Unauthorized):
            stack.login(PERSON, stack.directory.people_password)
    finally:
        stack.directory.modify(DEVELOPERS, "add: member", member)
    assert stack.login(PERSON, stack.directory.people_password)


def test_preview_tells_what_is_in_the_directory_and_changes_nothing(stack: DirectoryStack) -> None:
    printed = stack.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    assert f"directory of domain {stack.domain}: 10 users and 4 groups; developers is found" in printed


def test_starttls_is_as_good_as_ldaps(stack: DirectoryStack) -> None:
    stack.declare(url=stack.directory.start_tls_url, start_tls=True)
    try:
        stack.up()
        assert stack.login(PERSON, stack.directory.people_password)
    finally:
        stack.declare()
        stack.up()
    assert stack.login(PERSON, stack.directory.people_password)


def test_the_directory_down_breaks_no_account_of_the_internal_domain(stack: DirectoryStack) -> None:
    stack.directory.stop()
    try:
        # Keystone's connection pool (ldappool) lets the first request of each dead connection fall unanswered.
        with pytest.raises((exceptions.HttpServerError, exceptions.ConnectFailure)):
            stack.login(PERSON, stack.directory.people_password)
        own = stack.admin.config.config["auth"]
        auth = v3.Password(
            auth_url=own["auth_url"],
            username=own["username"],
            password=own["password"],
            user_domain_name="Default",
            project_name=own["project_name"],
            project_domain_name="Default",
        )
        assert auth.get_access(Session(timeout=60)).has_service_catalog()
        printed = stack.program.pulumi("preview", "--stack", STACK).stdout
        assert "could not be reached from here" in printed
        assert "not checked" in printed
    finally:
        stack.directory.start()
    assert stack.login(PERSON, stack.directory.people_password)


@pytest.mark.parametrize("shaken", [False, True], ids=["at once", "after the first handshake"])
def test_a_directory_that_hangs_is_told_within_its_time(
    stack: DirectoryStack, monkeypatch: pytest.MonkeyPatch, *, shaken: bool
) -> None:
    process = stack.directory.process
    assert process

    def hang() -> None:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)

    def distrust_and_hang(*arguments: Any, **more: Any) -> tls.Distrust | None:
        found = distrust(*arguments, **more)
        hang()
        return found

    distrust = tls.distrust
    if shaken:
        monkeypatch.setattr(tls, "distrust", distrust_and_hang)
    else:
        hang()
    try:
        spec = DirectorySpec.model_validate(
            stack.directory.spec | {"timeout_s": 1, "bind_password": SecretText("x")}
        )
        with pytest.raises(UnreachableError, match=f"no answer within {4 if shaken else 1} s"):
            probe(probe_settings(spec), [])
    finally:
        process.send_signal(signal.SIGCONT)


def test_an_option_changed_by_hand_is_found_and_set_right_again(stack: DirectoryStack) -> None:
    before = stack.options
    stack.admin.identity.patch(
        f"/domains/{stack.domain_id}/config",
        json={"config": {"ldap": {"user_filter": "(uid=ada)", "page_size": 7}}},
    )
    drifted = stack.program.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    assert drifted.returncode != 0
    assert "DomainConfig" in drifted.stdout
    stack.up("--refresh")
    assert stack.options == before
    assert "user_filter" not in before["ldap"]


def test_an_option_no_longer_declared_is_gone_and_one_with_percent_and_dollar_is_literal(
    stack: DirectoryStack,
) -> None:
    stack.declare(user_filter="(!(description=100%$x))")
    stack.up()
    assert "user_filter" in stack.options["ldap"]
    assert stack.login(PERSON, stack.directory.people_password)
    stack.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    stack.declare()
    stack.up()
    assert "user_filter" not in stack.options["ldap"]


def test_another_password_is_an_update_in_place_that_works(stack: DirectoryStack) -> None:
    new = f"next-{secrets.token_hex(8)}"
    former_id = stack.domain_id
    stack.directory.set_bind_password(new)
    stack.use_password(new)
    preview = stack.program.succeed("preview", "--diff", "--stack", STACK)
    assert "1 to update" in preview
    assert "replace" not in preview
    assert new not in preview
    stack.up()
    assert stack.domain_id == former_id
    assert stack.login(PERSON, stack.directory.people_password)


def test_the_password_is_in_the_clear_in_no_state_file_and_in_nothing_printed(stack: DirectoryStack) -> None:
    password = stack.directory.bind_password
    printed = stack.program.succeed("refresh", "--yes", "--stack", STACK)
    printed += stack.program.succeed("preview", "--diff", "--show-config", "--stack", STACK)
    exported = stack.program.succeed("stack", "export", "--stack", STACK)
    assert password not in printed + exported
    resources = json.loads(exported)["deployment"]["resources"]
    (config,) = [resource for resource in resources if resource["type"].endswith(":DomainConfig")]
    assert "ciphertext" in config["inputs"]["password"]
    assert "ciphertext" in config["outputs"]["password"]
    state = Path(stack.program.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    files = [path for path in state.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if password.encode() in path.read_bytes()]
    assert password not in json.dumps(stack.options)


WRONG = {
    "a CA that did not sign": (
        {"ca_file": "/etc/ssl/certs/ca-certificates.crt"},
        "ca_file",
        "did not sign it",
    ),
    "a CA file that is not there": ({"ca_file": "/nowhere/ca.pem"}, "ca_file", "cannot be read"),
    "a name not in the certificate": ({"url": "ldaps://localhost"}, "url", "localhost"),
    "an account that is not there": (
        {"bind_dn": f"cn=nobody,{LDAP_BASE}"},
        "bind_password",
        f"refuses 'cn=nobody,{LDAP_BASE}' with this password",
    ),
    "a user base that is not there": (
        {"user_base_dn": f"ou=poeple,{LDAP_BASE}"},
        "user_base_dn",
        "there is no 'ou=poeple",
    ),
    "a group base that is not there": (
        {"group_base_dn": f"ou=gruops,{LDAP_BASE}"},
        "group_base_dn",
        "there is no 'ou=gruops",
    ),
    "a filter that nobody matches": (
        {"user_filter": "(uid=zz*)"},
        "user_filter",
        "no user matches '(uid=zz*)'",
    ),
    "an object class that nobody has": (
        {"user_object_class": "user"},
        "user_object_class",
        "they have employee, inetOrgPerson",
    ),
    "an attribute that nobody has": (
        {"user_mail_attribute": "mial"},
        "user_mail_attribute",
        "did you mean 'mail'?",
    ),
    "an id that is not one entry's alone": (
        {"user_id_attribute": "employeeType"},
        "user_id_attribute",
        "give an attribute that differs in all entries",
    ),
    "an id with several values": (
        {"group_id_attribute": "member"},
        "group_id_attribute",
        "has several values",
    ),
    # OpenLDAP with an octet string stands in for Active Directory; its own matching rules and ranges are not shown.
    "an id that is bytes": (
        {"user_id_attribute": "objectGUID"},
        "user_id_attribute",
        "is bytes and no text, and Keystone finds nobody by it; give 'uid'",
    ),
    "a name that is bytes": (
        {"user_name_attribute": "objectGUID"},
        "user_name_attribute",
        "is bytes and no text",
    ),
    "an id that cannot be searched for": (
        {"user_id_attribute": "badge"},
        "user_id_attribute",
        "give an attribute that can be searched for",
    ),
    "a group that is not there": ({"group": "developer"}, "grants", "did you mean 'developers'?"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_setting_gets_its_own_sentence(own_directory: OwnDirectory, what: str) -> None:
    """By the function that the program calls at each preview; the next test goes through the engine."""
    changed, setting, sentence = WRONG[what]
    group = Named("group", changed.get("group", "developers"))
    if "url" in changed:
        changed = {"url": f"{changed['url']}:{own_directory.lab.ports.ldaps}"}
    spec = own_directory.spec | {"bind_password": SecretText(own_directory.bind_password)}
    spec |= {key: value for key, value in changed.items() if key != "group"}
    with pytest.raises(pulumi.RunError) as caught:
        preflight("corp", DirectorySpec.model_validate(spec), [group], None)  # type: ignore[arg-type]
    assert setting in str(caught.value).partition(":")[0]
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"ca_file": "/etc/ssl/certs/ca-certificates.crt"}, "domains.directory.ca_file"),
        pytest.param({"group": "developer"}, "grants", marks=pytest.mark.nightly),
    ],
)
def test_preview_stops_at_a_wrong_setting(
    stack: DirectoryStack, changed: dict[str, str], setting: str
) -> None:
    stack.declare(**changed)
    try:
        done = stack.program.pulumi("preview", "--stack", STACK)
    finally:
        stack.declare()
    assert done.returncode != 0
    assert f"error: {setting}" in done.stdout
    assert "Keystone has been told nothing" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_wrong_setting_stops_up_before_anything_is_made(stack: DirectoryStack) -> None:
    other = f"{stack.domain}-other"
    before = stack.options
    stack.declare(domain=other, user_base_dn=f"ou=poeple,{LDAP_BASE}")
    try:
        done = stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    finally:
        stack.declare()
    assert done.returncode != 0
    assert not stack.admin.identity.get("/domains", params={"name": other}).json()["domains"]
    assert stack.options == before


def test_a_different_configuration_of_somebody_else_is_refused_unless_it_is_adopted(
    stack: DirectoryStack,
) -> None:
    resources = json.loads(stack.program.succeed("stack", "export", "--stack", STACK))["deployment"][
        "resources"
    ]
    (config,) = [resource["urn"] for resource in resources if resource["type"].endswith(":DomainConfig")]
    stack.program.succeed(
        "state", "delete", config, "--force", "--target-dependents", "--yes", "--stack", STACK
    )
    stack.declare(page_size=3)
    done = stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert done.returncode != 0
    assert "has a configuration already, and it is a different one: ldap.page_size" in done.stdout
    stack.declare(page_size=3, adopt=True)
    stack.up()
    assert stack.options["ldap"]["page_size"] == "3"
    stack.declare()


def test_without_its_directory_the_domain_has_the_default_driver_again(stack: DirectoryStack) -> None:
    text = yaml.safe_load(stack.program.file(STACK).read_text(encoding="utf-8"))
    del text["config"]["private-cloud:domains"][0]["directory"]
    del text["config"]["private-cloud:grants"]
    stack.program.file(STACK).write_text(yaml.safe_dump(text), encoding="utf-8")
    stack.up()
    assert stack.options == {}
    user = stack.admin.identity.post(
        "/users", json={"user": {"name": "of-the-domain-itself", "domain_id": stack.domain_id}}
    )
    assert user.status_code == 201
    stack.admin.identity.delete(f"/users/{user.json()['user']['id']}")
    stack.declare()
    stack.up()
    assert stack.login(PERSON, stack.directory.people_password)


def test_destroy_removes_the_domain_with_its_directory_in_one_run(stack: DirectoryStack) -> None:
    """Last of the module: the fixture finds nothing left to destroy."""
    stack.program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert stack.domain_id is None
    assert "Current stack resources (0)" in stack.program.succeed("stack", "--stack", STACK)
