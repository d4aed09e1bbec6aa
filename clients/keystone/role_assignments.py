"""Role assignments in Keystone: what one user or group has on one scope, and what counts on one project.

API: https://docs.openstack.org/api-ref/identity/v3/ (role assignments, OS-INHERIT). Requests are made at the
REST level: the SDK's calls that assign and unassign (openstacksdk 4.22, `assign_project_role_to_user` and the like)
return None whatever Keystone answers, so that a refusal (403, 404, 409) would pass for success.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from openstack.connection import Connection
from requests import Response

from clients.errors import CloudError
from clients.keystone.assignment import INHERITED, Assignment, Place, qualified
from clients.openstack import answered, message


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
    found: Any = conn.identity.get("/role_assignments", params={**query, "include_names": "true"})
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
    response = conn.identity.get("/role_assignments", params=_query(place))
    if response.status_code != HTTPStatus.OK:
        raise _refused(response, f"list the roles of {place}")
    return {
        str(found["role"]["id"])
        for found in response.json()["role_assignments"]
        if (INHERITED in found["scope"]) == place.inherited
    }


def is_there(conn: Connection, place: Place) -> bool:
    """Whether the principal and the scope exist."""
    for url in _holders(place):
        response = conn.identity.get(url)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return False
        if response.status_code != HTTPStatus.OK:
            raise _refused(response, f"look at {place}")
    return True


def add(conn: Connection, place: Place, role_id: str) -> None:
    """Assign the role; assigned already is success."""
    response = conn.identity.put(url(place, role_id))
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise CloudError(
            f"role {role_id} cannot be given to {place}: {_message(response)} Run it again with --refresh, "
            "so that what is gone is found and made again."
        )
    if response.status_code != HTTPStatus.NO_CONTENT:
        raise _refused(response, f"give role {role_id} to {place}")


def remove(conn: Connection, place: Place, role_id: str) -> None:
    """Take the role away; gone already is success."""
    response = conn.identity.delete(url(place, role_id))
    if response.status_code not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
        raise _refused(response, f"take role {role_id} from {place}")


def url(place: Place, role_id: str) -> str:
    """Where Keystone keeps the assignment of this role."""
    assignment = f"{_scope_url(place)}/{place.principal_kind}s/{place.principal_id}/roles/{role_id}"
    return f"/OS-INHERIT{assignment}/inherited_to_projects" if place.inherited else assignment


def _scope_url(place: Place) -> str:
    return "/system" if place.scope_kind == "system" else f"/{place.scope_kind}s/{place.scope_id}"


def _query(place: Place) -> dict[str, str]:
    """What asks Keystone for every direct assignment there, inherited ones too."""
    scope = "scope.system" if place.scope_kind == "system" else f"scope.{place.scope_kind}.id"
    return {f"{place.principal_kind}.id": place.principal_id, scope: place.scope_id}


def _holders(place: Place) -> list[str]:
    """Where Keystone keeps the user or group, and the scope; the system is always there."""
    principal = f"/{place.principal_kind}s/{place.principal_id}"
    return [principal] if place.scope_kind == "system" else [principal, _scope_url(place)]


def _refused(response: Response, what: str) -> CloudError:
    if response.status_code == HTTPStatus.FORBIDDEN:
        return CloudError(
            f"the account of openstack.cloud may not {what}: give it the role admin, or declare elsewhere "
            f"what it may not do. Keystone says: {_message(response)}"
        )
    if response.status_code == HTTPStatus.CONFLICT:
        return CloudError(
            f"Keystone will not {what}: {_message(response)} A role that belongs to a domain counts "
            "in that domain's projects only: name one that belongs to no domain."
        )
    return CloudError(f"Keystone will not {what}: {_message(response)} (HTTP {response.status_code})")


def _message(response: Response) -> str:
    return message(response) or f"{response.reason}."
