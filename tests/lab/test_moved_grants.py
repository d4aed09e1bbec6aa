"""Grants that are spelled anew, moved to an account's access or given more roles: nobody loses a role that is declared.

One stack of its own; the tests follow each other, as its stack file changes.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openstack
import pytest
from openstack.connection import Connection

from lab.settings import Lab
from tests.lab.own_stack import STACK, OwnStack, own_stack


@dataclass(frozen=True)
class Moved:
    """A stack with a project, and a user made beside it."""

    stack: OwnStack
    name: str
    user_id: str

    def declare(self, *roles: str, user: str = "", **more: Any) -> None:
        """Writes the stack file: grants of ROLES on the project, and whatever MORE says."""
        self.stack.declare(
            {
                "openstack": {"cloud": "lab-admin"},
                "projects": [{"name": self.name, "domain": "Default"}],
                "grants": [
                    {
                        "role": role,
                        "user": {"name": user or self.name, "domain": "Default"},
                        "scope": {"project": self.name, "domain": "Default"},
                    }
                    for role in roles
                ],
                **more,
            }
        )

    def has(self, *roles: str) -> None:
        """Fails unless the user has exactly ROLES on the project, and nothing is left to do."""
        identity: Any = self.stack.admin.identity
        names = {role.id: role.name for role in identity.roles()}
        project = identity.find_project(self.name, domain_id="default", ignore_missing=False)
        found = [names[one.role["id"]] for one in identity.role_assignments(scope_project_id=project.id)]
        assert sorted(found) == sorted(roles)
        self.stack.preview_is_empty("--refresh")

    def with_access(self, *roles: str) -> None:
        """Writes the stack file: the user is an account, with ROLES as its access to the project."""
        access = {"roles": list(roles), "project": self.name, "domain": "Default"}
        account = {"name": self.name, "domain": "Default", "password": {"generated": 1}, "access": [access]}
        self.declare(accounts=[{**account, "adopt": self.user_id}])


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Moved]:
    name = f"bot-{secrets.token_hex(3)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        config = {"openstack": {"cloud": "lab-admin"}, "projects": [{"name": name, "domain": "Default"}]}
        found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
        with Connection(config=found.get_one("lab-admin")) as admin:
            identity: Any = admin.identity
            user = identity.create_user(name=name, domain_id="default", is_enabled=True)
            with own_stack(tmp_path_factory.mktemp("moved") / "stack", config) as stack:
                yield Moved(stack, name, user.id)
            identity.delete_user(user.id, ignore_missing=True)


def test_a_role_is_added_to_a_grant_and_taken_from_it(moved: Moved) -> None:
    moved.declare("member")
    moved.stack.up()
    moved.has("member")
    moved.declare("member", "reader")
    moved.stack.up()
    moved.has("member", "reader")
    moved.declare("reader")
    moved.stack.up()
    moved.has("reader")


def test_a_user_spelled_in_another_case_keeps_the_role(moved: Moved) -> None:
    identity: Any = moved.stack.admin.identity
    identity.update_user(moved.user_id, name=moved.name.capitalize())
    moved.declare("reader", user=moved.name.capitalize())
    assert not moved.stack.planned()
    moved.stack.up()
    moved.has("reader")
    identity.update_user(moved.user_id, name=moved.name)
    moved.declare("reader")
    moved.stack.up()
    moved.has("reader")


def test_a_user_renamed_in_keystone_and_in_the_file_keeps_the_role(moved: Moved) -> None:
    """Another resource, whose create comes before the delete of the former one."""
    identity: Any = moved.stack.admin.identity
    for name in (f"renamed-{moved.name}", moved.name):
        identity.update_user(moved.user_id, name=name)
        moved.declare("reader", user=name)
        moved.stack.up()
        moved.has("reader")


def test_a_grant_that_moves_to_an_account_s_access_stays(moved: Moved) -> None:
    moved.with_access("reader")
    (planned,) = (did for (kind, _), did in moved.stack.planned().items() if kind == "RoleSet")
    assert planned == {"update"}
    moved.stack.up()
    moved.has("reader")


def test_access_that_moves_back_to_a_grant_stays(moved: Moved) -> None:
    exported = json.loads(moved.stack.program.succeed("stack", "export", "--stack", STACK))
    resources = exported["deployment"]["resources"]
    (urn,) = (one["urn"] for one in resources if one["type"] == "openstack:identity/user:User")
    # The user is to stay when it is an account no more: the state forgets it, and what rests on it.
    arguments = ("state", "delete", urn, "--force", "--target-dependents", "--yes", "--stack", STACK)
    moved.stack.program.succeed(*arguments)
    moved.declare("reader")
    moved.stack.up()
    moved.has("reader")
