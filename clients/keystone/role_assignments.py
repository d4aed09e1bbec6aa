"""Role assignments in Keystone: the roles that one user or group has directly on one scope.

API: https://docs.openstack.org/api-ref/identity/v3/ (role assignments, OS-INHERIT). Requests are made at the
REST level, because the SDK has no call for inherited assignments or for what a group has on the system.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from clients.errors import CloudError
from clients.openstack import message

if TYPE_CHECKING:
    from openstack.connection import Connection
    from requests import Response

PrincipalKind = Literal["user", "group"]
ScopeKind = Literal["project", "domain", "system"]

INHERITED = "OS-INHERIT:inherited_to"


@dataclass(frozen=True)
class Place:
    """One user or group on one scope.

    Attributes:
        principal_kind: user or group.
        principal_id: of the user or group.
        scope_kind: project, domain or system.
        scope_id: of the project or domain; "all" for the system.
        inherited: whether the roles count in the projects below the scope, and not on the scope itself.
    """

    principal_kind: PrincipalKind
    principal_id: str
    scope_kind: ScopeKind
    scope_id: str
    inherited: bool = False

    @property
    def identity(self) -> str:
        """What this place is called among all places of a cloud."""
        words = [self.principal_kind, self.principal_id, self.scope_kind, self.scope_id]
        return "/".join([*words, "inherited"] if self.inherited else words)

    def __str__(self) -> str:
        """For sentences: "user ID on project ID"."""
        scope = "the system" if self.scope_kind == "system" else f"{self.scope_kind} {self.scope_id}"
        return f"{self.principal_kind} {self.principal_id} on {scope}" + (
            " (inherited)" if self.inherited else ""
        )

    @property
    def _scope_url(self) -> str:
        return "/system" if self.scope_kind == "system" else f"/{self.scope_kind}s/{self.scope_id}"

    def url(self, role_id: str) -> str:
        """Where Keystone keeps the assignment of this role."""
        assignment = f"{self._scope_url}/{self.principal_kind}s/{self.principal_id}/roles/{role_id}"
        return f"/OS-INHERIT{assignment}/inherited_to_projects" if self.inherited else assignment

    @property
    def query(self) -> dict[str, str]:
        """What asks Keystone for every direct assignment here, inherited ones too."""
        scope = "scope.system" if self.scope_kind == "system" else f"scope.{self.scope_kind}.id"
        return {f"{self.principal_kind}.id": self.principal_id, scope: self.scope_id}

    @property
    def holders(self) -> list[str]:
        """Where Keystone keeps the user or group, and the scope; the system is always there."""
        principal = f"/{self.principal_kind}s/{self.principal_id}"
        return [principal] if self.scope_kind == "system" else [principal, self._scope_url]


def roles(conn: Connection, place: Place) -> set[str]:
    """The ids of the roles that are assigned at this very place; none where the principal or scope is gone.

    Raises:
        CloudError: Keystone refuses to tell.
    """
    response = conn.identity.get("/role_assignments", params=place.query)
    if response.status_code != HTTPStatus.OK:
        raise _refused(response, f"list the roles of {place}")
    return {
        str(found["role"]["id"])
        for found in response.json()["role_assignments"]
        if (INHERITED in found["scope"]) == place.inherited
    }


def is_there(conn: Connection, place: Place) -> bool:
    """Whether the principal and the scope exist.

    Raises:
        CloudError: Keystone refuses to tell.
    """
    for url in place.holders:
        response = conn.identity.get(url)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return False
        if response.status_code != HTTPStatus.OK:
            raise _refused(response, f"look at {place}")
    return True


def add(conn: Connection, place: Place, role_id: str) -> None:
    """Assign the role; assigned already is success.

    Raises:
        CloudError: the principal, scope or role is gone, or Keystone refuses.
    """
    response = conn.identity.put(place.url(role_id))
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise CloudError(
            f"role {role_id} cannot be given to {place}: {_said(response)} Run it again with --refresh, "
            "so that what is gone is found and made again."
        )
    if response.status_code != HTTPStatus.NO_CONTENT:
        raise _refused(response, f"give role {role_id} to {place}")


def remove(conn: Connection, place: Place, role_id: str) -> None:
    """Take the role away; gone already is success.

    Raises:
        CloudError: Keystone refuses.
    """
    response = conn.identity.delete(place.url(role_id))
    if response.status_code not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
        raise _refused(response, f"take role {role_id} from {place}")


def _refused(response: Response, what: str) -> CloudError:
    if response.status_code == HTTPStatus.FORBIDDEN:
        return CloudError(
            f"the account of openstack.cloud may not {what}: give it the role admin, or declare elsewhere "
            f"what it may not do. Keystone says: {_said(response)}"
        )
    if response.status_code == HTTPStatus.CONFLICT:
        return CloudError(
            f"Keystone will not {what}: {_said(response)} A role that belongs to a domain counts "
            "in that domain's projects only: name one that belongs to no domain."
        )
    return CloudError(f"Keystone will not {what}: {_said(response)} (HTTP {response.status_code})")


def _said(response: Response) -> str:
    return message(response) or f"{response.reason}."
