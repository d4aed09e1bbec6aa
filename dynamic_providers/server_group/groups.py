"""Server groups in Nova: found, made, and who is in one.

API: https://docs.openstack.org/api-ref/compute/#server-groups-os-server-groups, with the microversion that knows the
rule max_server_per_host (2.64, Rocky). Nova makes a group in the project of the login that asks, whatever a request
says; an administrator reads and deletes those of all projects.
"""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from clients import exact
from clients.enumeration import enumerated
from clients.errors import CloudError, InUseError
from clients.openstack import Connection, answered

_HEADERS = {"OpenStack-API-Version": "compute 2.64"}
_GROUPS = "os-server-groups"
MOST_NAMED = 5


class ServerGroupRule(BaseModel, frozen=True, extra="forbid"):
    """What a server group is besides its name.

    Attributes:
        policy: Nova's name of it.
        max_server_per_host: the rule of an anti-affinity; None for Nova's own, 1.
    """

    policy: str
    max_server_per_host: int | None = None

    @classmethod
    def of_nova(cls, group: dict[str, Any]) -> "ServerGroupRule":
        """That of GROUP, as Nova has it."""
        return cls(
            policy=group["policy"], max_server_per_host=(group["rules"] or {}).get("max_server_per_host")
        )

    def __str__(self) -> str:
        limit = self.max_server_per_host
        return self.policy + (f" with at most {limit} on a host" if limit else "")


def get(conn: Connection, group_id: str) -> dict[str, Any] | None:
    """The group as Nova has it; None where it is gone."""
    answer = conn.compute.get(f"/{_GROUPS}/{group_id}", headers=_HEADERS)
    return answered(answer, "Nova", f"read server group {group_id}", HTTPStatus.NOT_FOUND).get("server_group")


def find_or_create(conn: Connection, project_id: str, name: str, wanted: ServerGroupRule) -> str:
    """The id of the group NAME of the project that CONN is logged in to: found, as a killed run left it, or made.

    Raises:
        CloudError: there is another one of this name.
    """
    answer, found = exact.listed(
        conn.compute, _GROUPS, {"name": name, "project_id": project_id}, headers=_HEADERS
    )
    answered(answer, "Nova", f"list the server groups of project {project_id}")
    for group in found:
        there = ServerGroupRule.of_nova(group)
        if there == wanted:
            return str(group["id"])
        raise CloudError(
            f"project {project_id} has a server group {name!r} ({group['id']}) already, which is {there} and not "
            f"{wanted}; declare it as it is, delete it, or give this one another name"
        )
    limit = wanted.max_server_per_host
    rules = {"rules": {"max_server_per_host": limit}} if limit else {}
    body = {"server_group": {"name": name, "policy": wanted.policy, **rules}}
    answer = conn.compute.post(f"/{_GROUPS}", json=body, headers=_HEADERS)
    return str(answered(answer, "Nova", f"make server group {name!r}")["server_group"]["id"])


def members(conn: Connection, group: dict[str, Any]) -> str:
    """The servers in GROUP, for people; empty where there are none."""
    ids = group["members"]
    return enumerated([_server(conn, id_) for id_ in ids[:MOST_NAMED]], len(ids))


def delete(conn: Connection, group_id: str) -> None:
    """Delete the group; gone already is success.

    Raises:
        InUseError: servers are in it. Nova would delete it all the same, and move them together or apart later on.
    """
    group = get(conn, group_id)
    if group is None:
        return
    if refused := refusal(conn, group):
        raise InUseError(refused)
    answer = conn.compute.delete(f"/{_GROUPS}/{group_id}", headers=_HEADERS)
    answered(answer, "Nova", f"delete server group {group_id}", HTTPStatus.NOT_FOUND)


def refusal(conn: Connection, group: dict[str, Any]) -> str:
    """Why GROUP is not deleted; empty where nothing is in the way."""
    servers = members(conn, group)
    if not servers:
        return ""
    return (
        f"server group {group['name']!r} ({group['id']}) has {servers} in it, which would lose their placement; delete "
        "them first: servers join a group only when they are made"
    )


def _server(conn: Connection, server_id: str) -> str:
    answer = conn.compute.get(f"/servers/{server_id}")
    return f"server {answer.json()['server']['name'] if answer.ok else server_id}"
