"""Service accounts against the real lab: what they may do, and that each of their logins works as it is.

One stack of its own, changed by the tests in their order. Most of them log in with what the stack's outputs hold.
"""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import openstack
import pytest
import requests
import yaml

from config.resource_names import resource_name
from tests.lab.cloud_stack import STACK, lab_environment
from tests.program_copy import ROOT, ProgramCopy

CLIENT = ROOT / ".cloud" / "lab" / "venv" / "bin" / "openstack"
AWKWARD = 'it\'s a "pass" word: $HOME `id` \\n #{x} é'
ROBOT_PASSWORD = f"{AWKWARD}{secrets.token_hex(4)}"


@dataclass
class Accounts:
    """The stack: the accounts nightly, with credentials, and robot, with a password of awkward characters."""

    program: ProgramCopy
    suffix: str
    outputs: dict[str, Any] = field(default_factory=dict, repr=False)
    printed: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """Every secret that the stack's outputs ever held."""

    @cached_property
    def admin(self) -> openstack.connection.Connection:
        """The administrator's connection."""
        return openstack.connect(cloud="lab-admin")

    @property
    def nightly(self) -> str:
        return f"nightly-{self.suffix}@Default"

    @property
    def robot(self) -> str:
        return f"robot-{self.suffix}@Default"

    def project(self, name: str = "development") -> str:
        return f"{name}-{self.suffix}@corp-{self.suffix}"

    def configuration(
        self,
        *,
        roles: tuple[str, ...] = ("member", "reader"),
        password: int = 1,
        serials: tuple[int, ...] = (1,),
        credentials: tuple[dict[str, Any], ...] = (),
    ) -> str:
        corp = f"corp-{self.suffix}"
        development = {"project": f"development-{self.suffix}", "domain": corp}
        nightly, robot = self.nightly.removesuffix("@Default"), self.robot.removesuffix("@Default")
        content = {
            "openstack": {"cloud": "lab-admin"},
            "domains": [{"name": corp}],
            "projects": [
                {"name": f"{name}-{self.suffix}", "domain": corp} for name in ("development", "tests")
            ],
            "accounts": [
                {
                    "name": nightly,
                    "domain": "Default",
                    "description": "Tests every night what was merged",
                    "email": "owner@corp.example",
                    "password": {"generated": password},
                    "access": [{"roles": list(roles), **development}],
                    "application_credentials": [
                        {"name": "pipeline", **development, "serials": list(serials)},
                        *({**credential, **development} for credential in credentials),
                    ],
                },
                {
                    "name": robot,
                    "domain": "Default",
                    "password": {"env": "ROBOT_PASSWORD"},
                    "access": [
                        {"roles": ["reader"], "domain": corp, "inherited": True},
                        {"roles": ["member"], **development, "project": f"tests-{self.suffix}"},
                    ],
                    "application_credentials": [{"name": "look", **development}],
                },
            ],
        }
        return yaml.safe_dump({"config": {f"private-cloud:{key}": value for key, value in content.items()}})

    def up(self, *arguments: str, **changes: Any) -> str:
        """Applies the stack file with CHANGES; notes what was printed and every secret."""
        self.program.file(STACK).write_text(self.configuration(**changes), encoding="utf-8")
        printed = self.program.succeed("up", "--yes", "--skip-preview", "--stack", STACK, *arguments)
        self.printed.append(printed)
        shown = self.program.succeed("stack", "output", "--json", "--show-secrets", "--stack", STACK)
        self.outputs = json.loads(shown)
        for cloud in (self.clouds(self.nightly) | self.clouds(self.robot)).values():
            self.seen |= {
                cloud["auth"].get("password", ROBOT_PASSWORD),
                cloud["auth"].get("application_credential_secret", ROBOT_PASSWORD),
            }
        return printed

    def text(self, account: str, file: str) -> str:
        """One of the account's files, as a person gets it."""
        return self.program.succeed(
            "stack", "output", "--show-secrets", f"{account}/{file}", "--stack", STACK
        )

    def clouds(self, account: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.outputs[f"{account}/clouds.yaml"])["clouds"]
        return found

    def credential(self, name: str = "pipeline") -> dict[str, str]:
        """What nightly's application credential of the outputs logs in with."""
        auth: dict[str, str] = self.clouds(self.nightly)[f"{self.nightly}/{name}"]["auth"]
        return auth

    def password(self) -> dict[str, str]:
        auth: dict[str, str] = self.clouds(self.nightly)[f"{self.nightly}/{self.project()}"]["auth"]
        return auth

    def qualified(self, project_id: str) -> str:
        """PROJECT@DOMAIN, as Keystone names them."""
        project = self.admin.identity.get(f"/projects/{project_id}").json()["project"]
        domain = self.admin.identity.get(f"/domains/{project['domain_id']}").json()["domain"]
        return f"{project['name']}@{domain['name']}"

    def live_credentials(self) -> list[str]:
        """The names of nightly's application credentials in Keystone."""
        (user,) = self.admin.identity.users(domain_id="default", name=self.nightly.partition("@")[0])
        answer = self.admin.identity.get(f"/users/{user.id}/application_credentials").json()
        return sorted(found["name"] for found in answer["application_credentials"])


def token(auth: dict[str, str]) -> dict[str, Any] | None:
    """The token that Keystone gives for AUTH, as clouds.yaml has it; None where it refuses."""
    if "application_credential_id" in auth:
        proof = {"id": auth["application_credential_id"], "secret": auth["application_credential_secret"]}
        identity = {"methods": ["application_credential"], "application_credential": proof}
        body: dict[str, Any] = {"identity": identity}
    else:
        user = {"name": auth["username"], "domain": {"name": auth["user_domain_name"]}}
        identity = {"methods": ["password"], "password": {"user": {**user, "password": auth["password"]}}}
        scope = {"name": auth["project_name"], "domain": {"name": auth["project_domain_name"]}}
        body = {"identity": identity, "scope": {"project": scope}}
    answer = requests.post(f"{auth['auth_url']}/auth/tokens", json={"auth": body}, timeout=30)
    return answer.json()["token"] if answer.status_code == requests.codes.created else None


def roles(auth: dict[str, str]) -> list[str]:
    found = token(auth)
    return sorted(role["name"] for role in found["roles"]) if found else []


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    environment = lab_environment()
    folder = tmp_path_factory.mktemp("accounts")
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    program = ProgramCopy.make(folder, {**environment, "ROBOT_PASSWORD": ROBOT_PASSWORD})
    stack = Accounts(program, f"t{secrets.token_hex(3)}")
    program.stack(STACK, stack.configuration())
    try:
        stack.up()
        yield stack
    finally:
        program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(folder)


def test_a_preview_is_empty_after_a_refresh(accounts: Accounts) -> None:
    accounts.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def client(environment: dict[str, str], *arguments: str) -> Any:
    """What the real OpenStack client answers; no setting of this process reaches it."""
    plain = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [str(CLIENT), *arguments, "-f", "json"],
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("account", "entry", "project"),
    [
        ("nightly", "pipeline", "development"),
        ("nightly", "{development}", "development"),
        ("robot", "look", "development"),
        ("robot", "{tests}", "tests"),
    ],
    ids=["credential", "password", "inherited", "awkward-password"],
)
def test_the_output_pasted_into_clouds_yaml_logs_in_to_the_right_project(
    accounts: Accounts, tmp_path: Path, account: str, entry: str, project: str
) -> None:
    name = getattr(accounts, account)
    (tmp_path / "clouds.yaml").write_text(accounts.text(name, "clouds.yaml"), encoding="utf-8")
    scopes = {scope: accounts.project(scope) for scope in ("development", "tests")}
    environment = {
        "OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml"),
        "OS_CLOUD": f"{name}/{entry.format(**scopes)}",
    }
    issued = client(environment, "token", "issue")
    assert accounts.qualified(issued["project_id"]) == scopes[project]
    assert isinstance(client(environment, "image", "list"), list)


@pytest.mark.parametrize("account", ["nightly", "robot"])
def test_the_output_pasted_into_an_openrc_logs_in_whatever_was_set_before(
    accounts: Accounts, tmp_path: Path, account: str
) -> None:
    path = tmp_path / "openrc"
    path.write_text(accounts.text(getattr(accounts, account), "openrc"), encoding="utf-8")
    stale = {"OS_CLOUD": "lab-admin", "OS_USERNAME": "someone", "OS_PROJECT_NAME": "else", "OS_TOKEN": "x"}
    printed = subprocess.run(
        ["sh", "-c", '. "$1"; env -0', "sh", str(path)],
        env={"PATH": os.environ["PATH"], **stale},
        capture_output=True,
        check=True,
    ).stdout.decode()
    exported = dict(line.split("=", 1) for line in printed.split("\0") if line.startswith("OS_"))
    issued = client(exported, "token", "issue")
    assert accounts.qualified(issued["project_id"]) == accounts.project()


@pytest.mark.nightly
def test_a_role_taken_from_the_account_leaves_its_credential_working_after_one_up(accounts: Accounts) -> None:
    former = accounts.credential()
    assert roles(former) == ["member", "reader"]
    accounts.up(roles=("reader",))
    assert roles(accounts.credential()) == ["reader"]
    assert token(former) is None
    accounts.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_a_role_revoked_by_hand_is_lost_at_once_and_the_next_up_makes_all_anew(accounts: Accounts) -> None:
    accounts.up()
    former = accounts.credential()
    user_id = (token(former) or {})["user"]["id"]
    project_id = (token(former) or {})["project"]["id"]
    known = {role.name: role.id for role in accounts.admin.identity.roles()}
    held = f"/projects/{project_id}/users/{user_id}/roles"
    for role in ("member", "reader"):
        accounts.admin.identity.delete(f"{held}/{known[role]}")
    accounts.admin.identity.put(f"{held}/{known['service']}")
    assert roles(former) == []
    accounts.up("--refresh")
    assert roles(accounts.credential()) == ["member", "reader"]
    assert roles(accounts.password()) == ["member", "reader"]
    accounts.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_rotation_keeps_the_old_credential_valid_until_its_serial_is_dropped(accounts: Accounts) -> None:
    old = accounts.credential()
    accounts.up(serials=(1, 2))
    new = accounts.credential()
    assert new != old
    assert token(old)
    assert token(new)
    accounts.up(serials=(2,))
    assert accounts.credential() == new
    assert token(new)
    assert token(old) is None


def test_another_password_works_at_once_and_leaves_the_credential_alone(accounts: Accounts) -> None:
    former, credential = accounts.password(), accounts.credential()
    accounts.up(serials=(2,), password=2)
    assert token(accounts.password())
    assert token(former) is None
    assert accounts.credential() == credential
    assert token(credential)
    accounts.program.succeed("preview", "--expect-no-changes", "--stack", STACK)


def test_a_new_password_and_a_new_credential_can_come_in_one_up(accounts: Accounts) -> None:
    """Keystone refuses the tokens of the second in which a password changed."""
    accounts.up(serials=(2, 3), password=3)
    assert token(accounts.password())
    assert token(accounts.credential())


def test_a_credential_that_was_made_and_not_saved_is_made_anew_without_an_orphan(accounts: Accounts) -> None:
    """What a run leaves that was killed before the engine could write: Keystone has it, the state does not."""
    lost = accounts.credential()
    stack = json.loads(accounts.program.succeed("stack", "export", "--stack", STACK))
    urn = next(
        resource["urn"]
        for resource in stack["deployment"]["resources"]
        if resource["urn"].endswith(f"ApplicationCredential::{resource_name(accounts.nightly)}/pipeline/3")
    )
    accounts.program.succeed("state", "delete", urn, "--yes", "--stack", STACK)
    accounts.up(serials=(2, 3), password=3)
    assert token(accounts.credential())
    assert token(lost) is None
    assert accounts.live_credentials() == ["pipeline-2", "pipeline-3"]


def test_a_credential_that_somebody_else_made_is_not_touched(accounts: Accounts) -> None:
    url = accounts.password()["auth_url"]
    own = openstack.connect(auth=accounts.password())
    user_id = own.current_user_id
    made = own.identity.post(
        f"/users/{user_id}/application_credentials", json={"application_credential": {"name": "pipeline-4"}}
    )
    assert made.status_code == requests.codes.created, url
    accounts.program.file(STACK).write_text(
        accounts.configuration(serials=(3, 4), password=3), encoding="utf-8"
    )
    done = accounts.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert done.returncode != 0
    assert "'pipeline-4' that this stack did not make" in done.stdout
    assert "Traceback" not in done.stdout
    assert "pipeline-4" in accounts.live_credentials()
    own.identity.delete(
        f"/users/{user_id}/application_credentials/{made.json()['application_credential']['id']}"
    )
    accounts.up(serials=(3,), password=3)


def test_a_credential_is_limited_to_its_roles_its_requests_and_its_time(accounts: Accounts) -> None:
    limits = {
        "name": "watch",
        "roles": ["reader"],
        "access_rules": [{"service": "image", "method": "GET", "path": "/v2/images"}],
        "expires": "2031-01-31T12:00:00+01:00",
    }
    accounts.up(serials=(3,), password=3, credentials=(limits,))
    found = token(accounts.credential("watch"))
    assert found
    assert [role["name"] for role in found["roles"]] == ["reader"]
    limited = found["application_credential"]
    rules = [{key: rule[key] for key in ("service", "method", "path")} for rule in limited["access_rules"]]
    assert rules == limits["access_rules"]
    user_id = found["user"]["id"]
    url = f"/users/{user_id}/application_credentials/{limited['id']}"
    kept = accounts.admin.identity.get(url).json()["application_credential"]
    assert kept["expires_at"].startswith("2031-01-31T11:00:00")
    assert not kept["unrestricted"]
    accounts.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_no_secret_is_in_the_clear_in_state_output_or_log(accounts: Accounts) -> None:
    printed = [
        *accounts.printed,
        accounts.program.succeed("preview", "--diff", "--stack", STACK),
        accounts.program.succeed("stack", "output", "--json", "--stack", STACK),
        accounts.program.succeed("stack", "export", "--stack", STACK),
    ]
    state = accounts.program.folder.parent / "state"
    kept = [path.read_text(encoding="utf-8", errors="replace") for path in state.rglob("*") if path.is_file()]
    assert len(accounts.seen) > 5
    for secret in accounts.seen:
        for form in {secret, json.dumps(secret)[1:-1]}:
            assert not [text[:60] for text in [*printed, *kept] if form in text]
    assert kept


def test_destroy_leaves_no_account_no_role_and_no_credential(accounts: Accounts) -> None:
    """Last of the module: the fixture finds nothing left to destroy."""
    credential = accounts.credential()
    user_id = (token(credential) or {})["user"]["id"]
    accounts.program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert token(credential) is None
    users = [user.name for user in accounts.admin.identity.users(domain_id="default")]
    assert not [name for name in users if name.endswith(accounts.suffix)]
    left = accounts.admin.identity.get("/role_assignments", params={"user.id": user_id}).json()
    assert left["role_assignments"] == []
    assert "Current stack resources (0)" in accounts.program.succeed("stack", "--stack", STACK)
