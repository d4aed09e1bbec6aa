"""Role assignments in Keystone: what one user or group has on one scope, and what counts on one project.

API: https://docs.openstack.org/api-ref/identity/v3/ (role assignments, OS-INHERIT), at the REST level: the SDK's calls
(4.22, `assign_project_role_to_user` and the like) return None whatever Keystone answers.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from requests import Response

from clients.keystone.assignment import INHERITED, Assignment, Place, qualified
from clients.openstack import Connection, answered

_HINTS = {
    HTTPStatus.FORBIDDEN: "Give the account of openstack.cloud the role admin, or declare elsewhere what it may not do.",
    HTTPStatus.NOT_FOUND: "Run it again with --refresh, so that what is gone is found and made again.",
    HTTPStatus.CONFLICT: "A role that belongs to a domain counts in that domain's projects only: name one that "
    "belongs to no domain.",
}


@dataclass(frozen=True)
class Found:
    """What counts on one project.

    Attributes:
        here: what is assigned on the project itself.
        above: what is assigned on its domain or a parent project and inherited.
    """

    here: tuple[Assignment, ...]
    above: tuple[Assignment, ...]


def on_project(conn: Connection, project_id: str) -> Found:
    """Read what counts on the project: two requests, and one for its domain and for each parent project.

    Without `effective`, Keystone tells what was really assigned: a group is a group, and what is inherited stands
    where it was assigned.
    """
    found = conn.identity.get(f"/projects/{project_id}?parents_as_list", params={})
    project = answered(found, "Keystone", "show the project")["project"]
    here = _listed(conn, {"scope.project.id": project_id})
    below = {f"scope.{INHERITED}": "projects"}
    above = _listed(conn, {"scope.domain.id": project["domain_id"], **below})
    for parent in project["parents"]:
        above += _listed(conn, {"scope.project.id": parent["project"]["id"], **below})
    return Found(tuple(sorted(here, key=str)), tuple(sorted(above, key=str)))


def _listed(conn: Connection, query: dict[str, str]) -> list[Assignment]:
    found = conn.identity.get("/role_assignments", params={**query, "include_names": "true"})
    task = "list role assignments with names (is the directory of a domain down?)"
    return [
        Assignment(
            Place.of_keystone(row.get("user"), row.get("group"), row["scope"]),
            row["role"]["id"],
            qualified(row["role"]),
        )
        for row in answered(found, "Keystone", task)["role_assignments"]
    ]


def roles(conn: Connection, place: Place) -> set[str]:
    """The ids of the roles that are assigned at this very place; none where the principal or scope is gone."""
    response = conn.identity.get("/role_assignments", params=_all_at(place))
    return {
        str(found["role"]["id"])
        for found in _answered(response, f"list the roles of {place}")["role_assignments"]
        if (INHERITED in found["scope"]) == place.inherited
    }


def _all_at(place: Place) -> dict[str, str]:
    """What asks Keystone for every direct assignment there, inherited ones too."""
    scope = "scope.system" if place.scope_kind == "system" else f"scope.{place.scope_kind}.id"
    return {f"{place.principal_kind}.id": place.principal_id, scope: place.scope_id}


def is_there(conn: Connection, place: Place) -> bool:
    """Whether the principal and the scope exist; the system always does."""
    holders = [f"/{place.principal_kind}s/{place.principal_id}"]
    for holder in holders if place.scope_kind == "system" else [*holders, _scope_url(place)]:
        response = conn.identity.get(holder)
        _answered(response, f"look at {place}", HTTPStatus.NOT_FOUND)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return False
    return True


def add(conn: Connection, place: Place, role_id: str) -> None:
    """Assign the role; assigned already is success."""
    _answered(conn.identity.put(url(place, role_id)), f"give role {role_id} to {place}")


def remove(conn: Connection, place: Place, role_id: str) -> None:
    """Take the role away; gone already is success."""
    response = conn.identity.delete(url(place, role_id))
    _answered(response, f"take role {role_id} from {place}", HTTPStatus.NOT_FOUND)


def url(place: Place, role_id: str) -> str:
    """Where Keystone keeps the assignment of this role."""
    assignment = f"{_scope_url(place)}/{place.principal_kind}s/{place.principal_id}/roles/{role_id}"
    return f"/OS-INHERIT{assignment}/inherited_to_projects" if place.inherited else assignment


def _scope_url(place: Place) -> str:
    return "/system" if place.scope_kind == "system" else f"/{place.scope_kind}s/{place.scope_id}"


def _answered(response: Response, doing: str, *fine: HTTPStatus) -> dict[str, Any]:
    return answered(response, "Keystone", doing, *fine, hints=_HINTS)
