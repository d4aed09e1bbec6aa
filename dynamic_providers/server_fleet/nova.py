"""A fleet's servers in Nova: read with the stack's own login, written with the fleet's own account.

API: https://docs.openstack.org/api-ref/compute/. Requests are made at the REST level: a status is an answer here (429
and 503: slower; 409: the port is not free yet), and microversions are the same in all of them.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions as keystone_exceptions
from openstack.exceptions import SDKException
from requests import Response
from requests import exceptions as requests_exceptions

from clients import exact, glance, openstack
from clients.errors import CloudError
from config.fleet import FleetUpdateSpec
from dynamic_providers.server_fleet.declared import Member, ServerFleetArgs
from dynamic_providers.server_fleet.manners import Manners
from dynamic_providers.server_fleet.server import FLEET, GROUP, PROVED, STACK, Made, Server, metadata_for
from dynamic_providers.server_fleet.user_data import composed

if TYPE_CHECKING:
    from openstack.connection import Connection

MICROVERSION = "2.73"  # locked servers, the flavor within a server, new user data for a rebuild
_PAGE = 1000  # Nova's osapi_max_limit
_CONSOLE_LINES = 400
_BUSY = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)

_ONCE = {"connect_retries": 0, "status_code_retries": 0}
"""What Nova may have heard without an answer is not asked for again before a look: a second server would be made."""


class BusyError(CloudError):
    """Nova, or Keystone for it, does not answer now, or asks for fewer requests."""


class ConflictError(CloudError):
    """Nova does not do it in the state that a server or its port is in: 409."""


def identity(owner_stack: str, fleet: str) -> dict[str, str]:
    """What the metadata of all servers of a fleet say."""
    return {STACK: owner_stack, FLEET: fleet}


def servers_of(admin: "Connection", project_id: str, owner_stack: str, fleet: str) -> list[Server]:
    """All servers of a fleet, whoever renamed them: one request for each thousand servers of the project.

    Nova filters requests that it has just taken by no tag; so all of the project are read.
    """
    whose = identity(owner_stack, fleet)
    rows = pages(admin, "/servers/detail", {"all_tenants": "1", "project_id": project_id})
    return [Server.of_nova(row) for row in rows if exact.only([row.get("metadata") or {}], whose)]


def pages(
    admin: "Connection",
    url: str,
    params: Mapping[str, str],
    key: str = "servers",
    microversion: str = MICROVERSION,
) -> Iterator[dict[str, Any]]:
    """All rows of a list of Nova's, which gives a thousand in an answer."""
    marker: dict[str, str] = {}
    while True:
        with _patience():
            answer = admin.compute.get(
                url, params={**params, "limit": str(_PAGE), **marker}, microversion=microversion
            )
        rows = _answered(answer, f"list {key}")[key]
        yield from rows
        if len(rows) < _PAGE:
            return
        marker = {"marker": rows[-1].get("uuid") or rows[-1]["id"]}  # a migration's id is a number of its own


def manners(
    admin: "Connection", update: FleetUpdateSpec, owner_stack: str, sha256: str, **more: Any
) -> Manners:
    """What a run goes by: UPDATE, and when the stack's image of that content was made, if it was, which Glance knows."""
    created = None
    if update.deadline_days is not None:
        tags = {glance.TAG_STACK: owner_stack, glance.TAG_SHA256: sha256}
        records = glance.listed(admin, tags, {"visibility": "all", "os_hidden": "false"})
        texts = [record["created_at"] for record in records]
        created = datetime.fromisoformat(max(texts)).date() if texts else None
    return Manners(update.mode == "opportunistic", update.deadline_days, created, **more)


@dataclass
class Nova:
    """What a run does with the servers of one fleet.

    Attributes:
        admin: logged in as the stack's own account.
        own: logged in as the fleet's own.
        args: what is declared.
        requests: how many writes and console reads were asked for, by kind.
    """

    admin: "Connection"
    own: "Connection"
    args: ServerFleetArgs
    requests: dict[str, int] = field(default_factory=dict)

    def servers(self) -> list[Server]:
        """All servers of the fleet."""
        self._count("list")
        return servers_of(self.admin, self.args.project_id, self.args.owner_stack, self.args.name)

    def create(self, member: Member, made: Made, before: Server | None) -> None:
        """Have Nova make MEMBER on its ports; what BEFORE was counts for its metadata.

        Raises:
            ConflictError: a port is still that of the server before.
        """
        body: dict[str, Any] = {
            "name": member.name,
            "imageRef": made.image_id,
            "flavorRef": self.args.flavor_id,
            "networks": [{"port": port} for port in member.port_ids],
            "metadata": self._metadata(before, member, made),
            "config_drive": True,  # so that a metadata agent has no part in whether an image is good
        }
        if user_data := self._user_data(member):
            body["user_data"] = _encoded(user_data)
        if member.home:
            body["block_device_mapping_v2"] = _disks(made.image_id, member.home)
        request: dict[str, Any] = {"server": body}
        if self.args.server_group_id:
            request["os:scheduler_hints"] = {"group": self.args.server_group_id}
        self._post("create", "/servers", request, f"make server {member.name}", **_ONCE)

    def rebuild(self, server: Server, member: Member, made: Made) -> None:
        """Have Nova rebuild it: the same server, name, ports and home, another root disk."""
        self._attach_home(server, member)
        body: dict[str, Any] = {
            "imageRef": made.image_id,
            "name": member.name,
            "metadata": self._metadata(server, member, made),
        }
        if made.user_data == Made.of(self.args.wanted, "", member).user_data:  # a rollback has the server's
            body["user_data"] = _encoded(self._user_data(member)) or None
        self._act("rebuild", server, {"rebuild": body}, "rebuild", **_ONCE)

    def delete(self, server: Server) -> None:
        """Have Nova delete it at once, also where deleted servers are kept for a while; gone already is success."""
        with _patience():
            answer = self.own.compute.post(
                f"/servers/{server.id}/action", json={"forceDelete": None}, microversion=MICROVERSION
            )
        self._count("delete")
        if answer.status_code != HTTPStatus.NOT_FOUND:
            _answered(answer, f"delete server {server.name}")

    def start(self, server: Server) -> None:
        """Have it run."""
        self._act("start", server, {"os-start": None}, "start")

    def stop(self, server: Server) -> None:
        """Have it run no more."""
        self._act("stop", server, {"os-stop": None}, "stop")

    def console(self, server: Server) -> str:
        """The last lines of its console; empty where it has none."""
        with _patience():
            answer = self.own.compute.post(
                f"/servers/{server.id}/action",
                json={"os-getConsoleOutput": {"length": _CONSOLE_LINES}},
                microversion=MICROVERSION,
            )
        self._count("console")
        if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:  # not ready yet
            return ""
        return str(_answered(answer, f"show the console of {server.name}").get("output") or "")

    def prove(self, server: Server, boot: str) -> None:
        """Keep that all its probes were good."""
        body = {"metadata": {PROVED: boot or "yes"}}
        self._post("metadata", f"/servers/{server.id}/metadata", body, f"set metadata of {server.name}")

    def put_right(self, server: Server, member: Member) -> None:
        """Give it its name and its declared metadata again."""
        if server.name != member.name:
            with _patience():
                answer = self.own.compute.put(
                    f"/servers/{server.id}",
                    json={"server": {"name": member.name}},
                    microversion=MICROVERSION,
                )
            self._count("rename")
            _answered(answer, f"rename server {server.name}")
        if metadata := member.metadata | self.args.wanted.metadata:
            body = {"metadata": metadata}
            self._post("metadata", f"/servers/{server.id}/metadata", body, f"set metadata of {member.name}")
        self._attach_home(server, member)

    def _attach_home(self, server: Server, member: Member) -> None:
        if member.home and member.home not in server.volumes:
            body = {"volumeAttachment": {"volumeId": member.home}}
            self._post("attach", f"/servers/{server.id}/os-volume_attachments", body, f"attach {member.home}")

    def _user_data(self, member: Member) -> str:
        return composed(self.args.user_data, member.keys, member.home)

    def _metadata(self, server: Server | None, member: Member, made: Made) -> dict[str, str]:
        whose = identity(self.args.owner_stack, self.args.name) | {GROUP: self.args.wanted.server_group}
        return metadata_for(server, member, whose, made) | self.args.wanted.metadata

    def _act(self, kind: str, server: Server, action: Mapping[str, Any], doing: str, **retries: int) -> None:
        self._post(kind, f"/servers/{server.id}/action", action, f"{doing} server {server.name}", **retries)

    def _post(self, kind: str, url: str, body: Mapping[str, Any], doing: str, **retries: int) -> None:
        self._count(kind)
        with _patience():
            answer = self.own.compute.post(url, json=body, microversion=MICROVERSION, **retries)
        if answer.status_code == HTTPStatus.CONFLICT:
            raise ConflictError(f"Nova refused to {doing}: 409, {openstack.message(answer)}")
        _answered(answer, doing)

    def _count(self, kind: str) -> None:
        self.requests[kind] = self.requests.get(kind, 0) + 1


def _answered(answer: Response, doing: str) -> dict[str, Any]:
    if answer.status_code in _BUSY:
        reason = openstack.message(answer) or answer.reason
        raise BusyError(f"Nova did not {doing} yet: {answer.status_code}, {reason}")
    return openstack.answered(answer, "Nova", doing)


@contextmanager
def _patience() -> Iterator[None]:
    """Whatever keeps a request from being answered is as if Nova were busy: the run goes on when it answers again."""
    try:
        yield
    except (
        SDKException,
        keystone_exceptions.ClientException,
        requests_exceptions.RequestException,
    ) as error:
        raise BusyError(f"Nova does not answer: {str(error).splitlines()[0]}") from error


def _disks(image_id: str, home: str) -> list[dict[str, Any]]:
    """The root disk of an image and a volume that stays when the server goes."""
    root = {"boot_index": 0, "uuid": image_id, "source_type": "image", "destination_type": "local"}
    volume = {"boot_index": -1, "uuid": home, "source_type": "volume", "destination_type": "volume"}
    return [root | {"delete_on_termination": True}, volume | {"delete_on_termination": False}]


def _encoded(user_data: str) -> str:
    return base64.b64encode(user_data.encode()).decode()
