"""Application credentials in Keystone.

API: https://docs.openstack.org/api-ref/identity/v3/#application-credentials. Only the account itself may make
one, and Keystone tells its secret once. An administrator may look at it and delete it, so neither needs the
account's password, which may have changed. Access rules stay with the user until it is deleted: Keystone uses
one again where the same is asked for, and lets only the account itself delete it.

Requests are made at the REST level: a status is an answer here (401: the password has just changed; 409: the name is
taken), and the SDK's calls make exceptions of them, without Keystone's reason phrase.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from openstack.connection import Connection
from requests import Response

from clients import exact, openstack
from clients.errors import CloudError

REVOKED_S = 1.0
"""Keystone rounds the moment of a password's change to the second: a token of that second is refused too."""
LOGINS = 3

Record = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What a credential should be.

    Attributes:
        name: unique among the user's credentials.
        description: says which stack made it; a credential of this name with another one is somebody else's.
        roles: ids of the roles it is limited to.
        access_rules: {service, method, path} of each request it is limited to; empty for no limit.
        expires_at: when it ends, with its time zone; None for never.
    """

    name: str
    description: str
    roles: Sequence[str]
    access_rules: Sequence[Mapping[str, str]]
    expires_at: datetime | None

    def body(self) -> Record:
        """The request to make it; `unrestricted` is never asked for."""
        fields: Record = {
            "name": self.name,
            "description": self.description,
            "roles": [{"id": role} for role in self.roles],
            "unrestricted": False,
        }
        if self.access_rules:
            fields["access_rules"] = [dict(rule) for rule in self.access_rules]
        if self.expires_at:
            fields["expires_at"] = self.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"application_credential": fields}


def get(conn: Connection, user_id: str, credential_id: str) -> Record | None:
    """The credential as Keystone has it, or None. CONN may be an administrator's."""
    response = conn.identity.get(f"/users/{user_id}/application_credentials/{credential_id}")
    if response.status_code == HTTPStatus.NOT_FOUND:
        return None
    return _record(response, f"show application credential {credential_id} of user {user_id}")


def make(cloud: str, login: openstack.Login, wanted: Wanted) -> Record:
    """Make the credential as the account itself; the answer has its secret.

    One of this name that a killed run made is deleted first: nobody has its secret, and Keystone never tells
    it again.

    Raises:
        CloudError: it would be past its end at once, its name is somebody else's, or Keystone refuses.
    """
    if wanted.expires_at and wanted.expires_at <= datetime.now(UTC):
        raise CloudError(
            f"application credential {wanted.name!r} would expire on {wanted.expires_at.isoformat()}, which is "
            "past; give a later `expires`, or drop the credential"
        )
    response = _post(cloud, login, wanted)
    if response.status_code == HTTPStatus.CONFLICT:
        with openstack.connect(cloud) as conn:
            _remove_namesakes(conn, login.user_id, wanted)
        response = _post(cloud, login, wanted)
    return _record(response, f"make application credential {wanted.name!r}")


def _post(cloud: str, login: openstack.Login, wanted: Wanted) -> Response:
    for attempt in range(1, LOGINS + 1):
        with openstack.connect(cloud, login) as own:
            url = f"/users/{login.user_id}/application_credentials"
            response = own.identity.post(url, json=wanted.body())
        if response.status_code != HTTPStatus.UNAUTHORIZED or attempt == LOGINS:
            break
        time.sleep(REVOKED_S)
    return response


def _remove_namesakes(conn: Connection, user_id: str, wanted: Wanted) -> None:
    collection = f"users/{user_id}/application_credentials"
    response, ours = exact.listed(
        conn.identity, collection, {"name": wanted.name, "description": wanted.description}
    )
    if response.status_code != HTTPStatus.OK:
        raise _refused(response, f"list the application credentials of user {user_id}")
    if not ours:
        raise CloudError(
            f"user {user_id} has an application credential {wanted.name!r} that this stack did not make, or one "
            "whose name Keystone takes for the same (it ignores case and accents); delete it if nothing uses it, or "
            "name the one in the stack file otherwise"
        )
    for found in ours:
        remove(conn, user_id, found["id"])


def remove(conn: Connection, user_id: str, credential_id: str) -> None:
    """Delete it, if it is still there. CONN may be an administrator's."""
    response = conn.identity.delete(f"/users/{user_id}/application_credentials/{credential_id}")
    if response.status_code not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
        raise _refused(response, f"delete application credential {credential_id} of user {user_id}")


def _record(response: Response, what: str) -> Record:
    if response.status_code not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise _refused(response, what)
    record: Record = response.json()["application_credential"]
    return record


def _refused(response: Response, what: str) -> CloudError:
    said = openstack.message(response) or f"{response.reason}."
    hint = ""
    if response.status_code == HTTPStatus.FORBIDDEN and "'application_credential'" in said:
        hint = (
            "; the login of `openstack.cloud` is an application credential itself, and such ones do this only if they "
            "were made with --unrestricted"
        )
    return CloudError(f"Keystone will not {what}: {said} (HTTP {response.status_code}){hint}")
