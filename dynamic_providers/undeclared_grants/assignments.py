"""The role assignments that count on a project, as Keystone tells them, with the names of who has them.

API: https://docs.openstack.org/api-ref/identity/v3/#list-role-assignments. Without `effective`, Keystone tells
what was really assigned: a group is a group, and what is inherited stands where it was assigned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clients.keystone import own_login
from clients.keystone.role_assignments import INHERITED, Place

if TYPE_CHECKING:
    from openstack.connection import Connection

    from clients.keystone.role_assignments import PrincipalKind, ScopeKind

ADMIN = "admin"


@dataclass(frozen=True)
class Assignment:
    """One role of one user or group, assigned on a project, or above it and inherited.

    Attributes:
        kind: user or group.
        principal_id: of the user or group.
        principal: NAME@DOMAIN; empty where nobody has that id any more.
        role_id: of the role.
        role: its name; NAME@DOMAIN for a role that belongs to a domain.
        scope_kind: project or domain.
        scope_id: where it was assigned.
        scope: the name of that place: PROJECT@DOMAIN or DOMAIN.
        inherited: whether it counts in the projects below that place, and not there itself.
    """

    kind: PrincipalKind
    principal_id: str
    principal: str
    role_id: str
    role: str
    scope_kind: ScopeKind
    scope_id: str
    scope: str
    inherited: bool

    def __str__(self) -> str:
        """Who, which role, where."""
        who = self.principal or f"id {self.principal_id}, which no longer exists,"
        below = ", inherited by what is inside" if self.inherited else ""
        return f"role {self.role!r} for {self.kind} {who} on {self.scope_kind} {self.scope}{below}"

    @property
    def key(self) -> tuple[str, str, str, bool]:
        """What tells it from all others of one place."""
        return self.kind, self.principal_id, self.role_id, self.inherited

    @property
    def place(self) -> Place:
        """Where Keystone keeps it."""
        return Place(self.kind, self.principal_id, self.scope_kind, self.scope_id, inherited=self.inherited)

    @property
    def is_live_admin(self) -> bool:
        """Whether somebody who exists is an administrator through it."""
        return bool(self.principal) and self.role.casefold() == ADMIN


@dataclass(frozen=True)
class Found:
    """What counts on one project.

    Attributes:
        here: what is assigned on the project itself.
        above: what is assigned on its domain or a parent project and inherited.
    """

    here: tuple[Assignment, ...]
    above: tuple[Assignment, ...]


def read(conn: Connection, project_id: str) -> Found:
    """Read what counts on the project: two requests, and one for its domain and for each parent project.

    Raises:
        CloudError: Keystone does not tell.
    """
    project = _get(conn, f"/projects/{project_id}?parents_as_list", "look at the project")["project"]
    here = _assignments(conn, {"scope.project.id": project_id})
    below = {f"scope.{INHERITED}": "projects"}
    above = _assignments(conn, {"scope.domain.id": project["domain_id"], **below})
    for parent in project["parents"]:
        above += _assignments(conn, {"scope.project.id": parent["project"]["id"], **below})
    return Found(tuple(sorted(here, key=str)), tuple(sorted(above, key=str)))


def _assignments(conn: Connection, query: dict[str, str]) -> list[Assignment]:
    task = "list role assignments with names (is the directory of a domain down?)"
    answer = _get(conn, "/role_assignments", task, {**query, "include_names": "true"})
    return [_assignment(found) for found in answer["role_assignments"]]


def _assignment(found: dict[str, Any]) -> Assignment:
    kind: PrincipalKind = "user" if "user" in found else "group"
    scope_kind: ScopeKind = "project" if "project" in found["scope"] else "domain"
    principal, scope, role = found[kind], found["scope"][scope_kind], found["role"]
    return Assignment(
        kind,
        principal["id"],
        _qualified(principal) if principal.get("name") else "",
        role["id"],
        _qualified(role),
        scope_kind,
        scope["id"],
        _qualified(scope),
        INHERITED in found["scope"],
    )


def _qualified(named: dict[str, Any]) -> str:
    return f"{named['name']}@{named['domain']['name']}" if named.get("domain") else str(named["name"])


def _get(conn: Connection, url: str, task: str, query: dict[str, str] | None = None) -> Any:
    return own_login.answer(conn.identity.get(url, params=query or {}), task)
