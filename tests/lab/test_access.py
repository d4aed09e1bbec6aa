"""Grants against a real Keystone: inherited, on the system, undeclared ones, and the sentences for missing names.

One stack of its own; the tests follow each other, as its stack file changes.
"""

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import openstack
import pytest
import yaml
from keystoneauth1.exceptions import Unauthorized
from openstack.connection import Connection

from tests.lab.cloud_stack import lab_environment
from tests.program_copy import ProgramCopy

STACK = "access"
RUNNER = {"name": "ci-runner", "domain": "Default"}


@dataclass
class Access:
    """A stack with one domain and one project, and a look at what Keystone holds of it."""

    program: ProgramCopy
    admin: Connection
    suffix: str
    undo: list[Callable[[], object]] = field(default_factory=list)

    @property
    def identity(self) -> Any:
        """Keystone as the administrator sees it; untyped, because the SDK's types mix its versions 2 and 3."""
        return self.admin.identity

    @property
    def own_id(self) -> str:
        """The user id of the account that runs the program."""
        return str(self.admin.current_user_id)

    @property
    def domain(self) -> str:
        return f"access-{self.suffix}"

    @property
    def project(self) -> str:
        return f"lab@{self.domain}"

    @property
    def project_id(self) -> str:
        return str(self.identity.find_project("lab", domain_id=self.domain_id, ignore_missing=False).id)

    @property
    def domain_id(self) -> str:
        return str(self.identity.find_domain(self.domain, ignore_missing=False).id)

    def write(
        self,
        undeclared: str = "ignore",
        grants: tuple[dict[str, Any], ...] = (),
        *,
        allow_system_scope: bool = False,
        existing_domains: tuple[str, ...] = (),
        role: str = "member",
        inherited: bool = True,
    ) -> None:
        """Writes the stack file: ci-runner is member of the project and manager of all in the domain."""
        scope = {"project": "lab", "domain": self.domain}
        declared = [
            {"role": role, "user": RUNNER, "scope": scope},
            {"role": "manager", "user": RUNNER, "scope": {"domain": self.domain}, "inherited": inherited},
        ]
        config = {
            "openstack": {"cloud": "lab-admin", "allow_system_scope": allow_system_scope},
            "existing_domains": list(existing_domains),
            "domains": [{"name": self.domain}],
            "projects": [{"name": "lab", "domain": self.domain, "undeclared_grants": undeclared}],
            "grants": [*declared, *grants],
        }
        content = {"config": {f"private-cloud:{key}": value for key, value in config.items()}}
        self.program.file(STACK).write_text(yaml.safe_dump(content), encoding="utf-8")

    def up(self) -> str:
        return self.program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)

    def preview(self, *options: str) -> str:
        return self.program.succeed("preview", *options, "--stack", STACK)

    def refused(self) -> str:
        done = self.program.pulumi("preview", "--stack", STACK)
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stdout
        return " ".join(done.stdout.split())

    def principal(self, kind: str, name: str) -> str:
        """Makes a user or group of the Default domain by hand; gives back its id."""
        make = getattr(self.identity, f"create_{kind}")
        made = make(name=f"{name}-{self.suffix}", domain_id="default")
        self.undo.append(lambda: getattr(self.identity, f"delete_{kind}")(made.id))
        return str(made.id)

    def grant(self, kind: str, principal_id: str, role: str) -> None:
        """Grants ROLE on the project, as somebody beside the stack file does."""
        answer = self.identity.put(self._url(kind, principal_id, role))
        answer.raise_for_status()

    def revoke(self, kind: str, principal_id: str, role: str) -> None:
        self.identity.delete(self._url(kind, principal_id, role))

    def _url(self, kind: str, principal_id: str, role: str) -> str:
        role_id = self.identity.find_role(role, ignore_missing=False).id
        return f"/projects/{self.project_id}/{kind}s/{principal_id}/roles/{role_id}"

    @property
    def granted(self) -> set[tuple[str, str]]:
        """What is assigned on the project itself: NAME, ROLE."""
        query = {"scope.project.id": self.project_id, "include_names": "true"}
        found = self.identity.get("/role_assignments", params=query).json()["role_assignments"]
        return {
            (one.get("user", one.get("group"))["name"].removesuffix(f"-{self.suffix}"), one["role"]["name"])
            for one in found
        }


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    environment = lab_environment()
    folder = tmp_path_factory.mktemp("access")
    program = ProgramCopy.make(folder, environment)
    program.stack(STACK, "config: {}\n")
    with _connection("lab-admin") as admin:
        stack = Access(program, admin, f"t{secrets.token_hex(3)}")
        stack.write()
        try:
            stack.up()
            yield stack
        finally:
            program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
            for step in reversed(stack.undo):
                step()
            shutil.rmtree(folder)


def _connection(cloud: str, **auth: str) -> Connection:
    files = [lab_environment()["OS_CLIENT_CONFIG_FILE"]]
    loader = openstack.config.OpenStackConfig(config_files=files, load_envvars=False)
    if auth:
        entry = loader.cloud_config["clouds"][cloud]["auth"]
        for key in ("project_name", "project_domain_name"):
            entry.pop(key, None)
        entry.update(auth)
    return Connection(config=loader.get_one(cloud))


def token(**scope: str) -> dict[str, Any]:
    """What ci-runner's token says for this scope."""
    with _connection("lab-ci-runner", **scope) as runner:
        answer = runner.identity.get("/auth/tokens", headers={"X-Subject-Token": runner.auth_token})
        body: dict[str, Any] = answer.json()["token"]
        return body


def test_an_inherited_grant_counts_on_the_projects_of_a_domain_and_not_on_the_domain(access: Access) -> None:
    body = token(project_name="lab", project_domain_name=access.domain)
    assert "manager" in {role["name"] for role in body["roles"]}
    with pytest.raises(Unauthorized):
        token(domain_name=access.domain)


def test_an_inherited_grant_shows_no_drift_and_is_made_again_when_removed_by_hand(access: Access) -> None:
    access.preview("--refresh", "--expect-no-changes")
    runner = access.identity.find_user("ci-runner", domain_id="default").id
    manager = access.identity.find_role("manager").id
    url = f"/OS-INHERIT/domains/{access.domain_id}/users/{runner}/roles/{manager}/inherited_to_projects"
    access.identity.delete(url).raise_for_status()
    assert "RoleSet" in access.preview("--refresh")
    access.program.succeed("up", "--refresh", "--yes", "--skip-preview", "--stack", STACK)
    access.identity.head(url).raise_for_status()


def test_another_role_is_changed_in_place_and_another_scope_is_another_resource(access: Access) -> None:
    access.write(role="reader", inherited=False)
    steps = json.loads(access.preview("--json"))["steps"]
    access.write()
    runner = "user/ci-runner@default"
    assert {
        (step["op"], step["urn"].rpartition("::")[2])
        for step in steps
        if step["op"] != "same" and "RoleSet::" in step["urn"]
    } == {
        ("update", f"{runner}/{access.project}"),
        ("create", f"{runner}/{access.domain}"),
        ("delete", f"{runner}/{access.domain}/inherited"),
    }


def test_undeclared_grants_are_listed_in_preview_with_who_which_role_and_where(access: Access) -> None:
    guest, team = access.principal("user", "guest"), access.principal("group", "team")
    access.grant("user", guest, "reader")
    access.grant("group", team, "member")
    access.grant("user", access.own_id, "admin")
    access.write("list")
    printed = access.preview()
    assert f"project {access.project} has 3 grants that the stack file does not declare" in printed
    for line in (
        f"role 'reader' for user guest-{access.suffix}@Default on project {access.project}",
        f"role 'member' for group team-{access.suffix}@Default on project {access.project}",
        f"role 'admin' for user admin@Default on project {access.project}",
    ):
        assert line in printed
    assert "ci-runner" not in printed


def test_nothing_is_removed_where_they_are_only_listed(access: Access) -> None:
    before = access.granted
    assert "has 3 grants that the stack file does not declare" in access.up()
    assert access.granted == before


def test_a_grant_from_the_domain_is_listed_as_not_removable_here(access: Access) -> None:
    guest = access.identity.find_user(f"guest-{access.suffix}", domain_id="default").id
    reader = access.identity.find_role("reader").id
    url = f"/OS-INHERIT/domains/{access.domain_id}/users/{guest}/roles/{reader}/inherited_to_projects"
    access.identity.put(url).raise_for_status()
    printed = access.preview("--expect-no-changes")
    access.identity.delete(url).raise_for_status()
    assert (
        f"role 'reader' for user guest-{access.suffix}@Default on domain {access.domain}, inherited by what is "
        "inside: it is inherited from there and not removable here"
    ) in printed


def test_what_is_not_declared_is_removed_when_asked_and_the_next_preview_is_empty(access: Access) -> None:
    access.write("remove")
    shown = access.preview()
    assert f"guest-{access.suffix}@Default on project {access.project}: will be removed" in shown
    assert f"team-{access.suffix}@Default on project {access.project}: will be removed" in shown
    assert "stays, because it is the account's that runs this program" in shown
    access.up()
    assert access.granted == {("ci-runner", "member"), ("admin", "admin")}
    access.preview("--refresh", "--expect-no-changes")


@pytest.mark.nightly
def test_a_grant_that_comes_later_is_shown_before_it_is_removed(access: Access) -> None:
    guest = access.identity.find_user(f"guest-{access.suffix}", domain_id="default").id
    access.grant("user", guest, "member")
    shown = access.preview()
    assert "UndeclaredGrants" in shown
    assert "role 'member' for user guest" in shown
    assert "Resources:\n    ~ 1 to update" in shown
    access.up()
    assert access.granted == {("ci-runner", "member"), ("admin", "admin")}


@pytest.mark.nightly
def test_the_running_account_keeps_what_it_has_through_a_group(access: Access) -> None:
    access.write("remove")
    operators = access.principal("group", "operators")
    access.identity.add_user_to_group(access.own_id, operators)
    access.grant("group", operators, "admin")
    assert "stays, because the account that runs this program is in that group" in access.preview()
    access.up()
    assert ("operators", "admin") in access.granted
    access.preview("--expect-no-changes")
    access.revoke("group", operators, "admin")


def test_the_last_admin_stays(access: Access) -> None:
    access.write("remove")
    access.revoke("user", access.own_id, "admin")
    for name in ("chief", "deputy"):
        access.grant("user", access.principal("user", name), "admin")
    assert "stays, because it is the project's last admin" in access.preview()
    access.up()
    assert access.granted == {("ci-runner", "member"), ("chief", "admin")}
    access.preview("--expect-no-changes")


def test_a_grant_on_the_system_is_refused_by_default(access: Access) -> None:
    grant = {"role": "reader", "user": RUNNER, "scope": {"system": "all"}}
    access.write("ignore", (grant,))
    assert "set openstack.allow_system_scope to true if that is meant" in access.refused()


def test_a_grant_on_the_system_gets_a_system_token_where_it_is_allowed(access: Access) -> None:
    access.write(
        "ignore",
        ({"role": "reader", "user": RUNNER, "scope": {"system": "all"}},),
        allow_system_scope=True,
    )
    access.up()
    body = token(system_scope="all")
    assert body["system"] == {"all": True}
    assert [role["name"] for role in body["roles"]] == ["reader"]
    access.preview("--refresh", "--expect-no-changes")
    access.write()
    access.up()
    with pytest.raises(Unauthorized):
        token(system_scope="all")


def test_the_running_account_keeps_its_own_role_on_the_system(access: Access) -> None:
    own = {"role": "reader", "user": {"name": "admin", "domain": "Default"}, "scope": {"system": "all"}}
    reader = access.identity.find_role("reader").id
    url = f"/system/users/{access.own_id}/roles/{reader}"
    access.write("ignore", (own,), allow_system_scope=True)
    access.up()
    looked = access.program.looks_before_destroy(STACK)
    assert looked.returncode == 1
    assert f"role {reader} of user {access.own_id} on the system is this run's own" in looked.stdout
    access.write()
    try:
        done = access.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
        assert done.returncode != 0
        assert f"role {reader} of user {access.own_id} on the system is this run's own" in done.stdout
        assert access.identity.head(url).status_code == 204
    finally:
        access.identity.delete(url).raise_for_status()
    access.up()


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("_member_", "there is no role '_member_': it is the default role from before Rocky"),
        (
            "membr",
            "there is no role 'membr' among admin, manager, member, reader, service; did you mean 'member'?",
        ),
    ],
)
def test_a_missing_role_is_explained(access: Access, role: str, message: str) -> None:
    access.write("ignore", ({"role": role, "user": RUNNER, "scope": {"domain": access.domain}},))
    assert message in access.refused()


def test_a_user_that_is_in_another_domain_is_told_with_that_domain(access: Access) -> None:
    user = {"name": "ci-runner", "domain": access.domain}
    access.write("ignore", ({"role": "member", "user": user, "scope": {"domain": access.domain}},))
    message = access.refused()
    assert (
        f"there is no user 'ci-runner' in domain '{access.domain}', the only one that was searched" in message
    )
    assert "domain 'Default' has a user of that name" in message


def test_a_directory_that_is_down_gets_a_sentence(access: Access) -> None:
    identity = access.identity
    domain = identity.create_domain(name=f"silent-{access.suffix}")
    try:
        ldap = {"url": "ldap://127.0.0.1:9", "user_tree_dn": "ou=people", "group_tree_dn": "ou=groups"}
        config = {"config": {"identity": {"driver": "ldap"}, "ldap": ldap}}
        identity.put(f"/domains/{domain.id}/config", json=config).raise_for_status()
        user = {"name": "somebody", "domain": domain.name}
        access.write(
            "ignore",
            ({"role": "member", "user": user, "scope": {"domain": access.domain}},),
            existing_domains=(domain.name,),
        )
        message = access.refused()
    finally:
        identity.delete(f"/domains/{domain.id}/config")
        identity.update_domain(domain, is_enabled=False)
        identity.delete_domain(domain)
    assert f"could not look up user 'somebody' in domain '{domain.name}'" in message
    assert "check that Keystone reaches it" in message


def test_destroy_leaves_nothing(access: Access) -> None:
    """Last of the module: the fixture finds nothing left to destroy."""
    access.write("remove")
    access.up()
    domain_id = access.domain_id
    access.program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert "Current stack resources (0)" in access.program.succeed("stack", "--stack", STACK)
    assert access.identity.find_domain(access.domain) is None
    runner = access.identity.find_user("ci-runner", domain_id="default").id
    left = access.identity.get("/role_assignments", params={"user.id": runner}).json()["role_assignments"]
    assert domain_id not in str(left)
