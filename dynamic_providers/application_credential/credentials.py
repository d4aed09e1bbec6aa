"""Application credentials in Keystone (https://docs.openstack.org/api-ref/identity/v3/#application-credentials).

Only the account itself may make one, and Keystone tells its secret once; an administrator may look at it and delete it.
Access rules stay with the user until it is deleted. Requests are made at the REST level: a status is an answer here
(401: the password has just changed; 409: the name is taken), of which the SDK's calls make exceptions.
"""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from pydantic import Field
from requests import Response

from clients import exact, openstack
from clients.errors import CloudError
from clients.openstack import Connection
from config.application_credential import AccessRuleSpec
from dynamic_providers.base import CloudInputs

REVOKED_S = 1.0
"""Keystone rounds the moment of a password's change to the second: a token of that second is refused too."""
LOGINS = 3
_OWN_LOGIN = {
    HTTPStatus.FORBIDDEN: "The login of `openstack.cloud` is an application credential itself, and such ones do this only "
    "if they were made with --unrestricted."
}

Record = dict[str, Any]


class ApplicationCredentialArgs(CloudInputs, hide_input_in_errors=True):  # one is the password
    """What an application credential declares.

    Attributes:
        user_id: of the account, which makes it itself.
        password: of the account. Counts when it is made only.
        project_id: what it gives access to.
        name: unique among the account's credentials.
        roles: ids of the roles it is limited to, sorted; with those that they imply.
        access_rules: the requests it is limited to; empty for no limit.
        expires_at: ISO 8601 with time zone; left out, it does not expire.
        revision: of the account's roles on the project: with other roles it is made anew.
        owner_stack: ``project/stack``: whose it is.
    """

    user_id: str = Field(min_length=1)
    password: str = Field(min_length=1, repr=False)
    project_id: str = Field(min_length=1)
    name: str = Field(min_length=1, max_length=255)
    roles: list[str] = Field(min_length=1)
    access_rules: list[AccessRuleSpec] = Field(default_factory=list)
    expires_at: str | None = None
    revision: int = 1
    owner_stack: str = Field(min_length=1)

    @property
    def description(self) -> str:
        """Says which stack made it: a credential of its name with another description is somebody else's."""
        return f"Made by the Pulumi stack {self.owner_stack}"

    @property
    def end(self) -> datetime | None:
        """When it expires."""
        return datetime.fromisoformat(self.expires_at) if self.expires_at else None

    def body(self) -> Record:
        """The request to make it; `unrestricted` is never asked for."""
        fields: Record = {
            "name": self.name,
            "description": self.description,
            "roles": [{"id": role} for role in self.roles],
            "unrestricted": False,
        }
        if self.access_rules:
            fields["access_rules"] = [rule.model_dump() for rule in self.access_rules]
        if self.end:
            fields["expires_at"] = self.end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"application_credential": fields}


def get(conn: Connection, user_id: str, credential_id: str) -> Record | None:
    """The credential as Keystone has it, or None. CONN may be an administrator's."""
    response = conn.identity.get(f"/users/{user_id}/application_credentials/{credential_id}")
    doing = f"show application credential {credential_id} of user {user_id}"
    return _answered(response, doing, HTTPStatus.NOT_FOUND).get("application_credential")


def make(login: openstack.Login, wanted: ApplicationCredentialArgs) -> Record:
    """Make the credential as the account itself; the answer has its secret.

    One of this name that a killed run made is deleted first: nobody has its secret, and Keystone never tells
    it again.

    Raises:
        CloudError: it would be past its end at once, its name is somebody else's, or Keystone refuses.
    """
    if wanted.end and wanted.end <= datetime.now(UTC):
        raise CloudError(
            f"application credential {wanted.name!r} would expire on {wanted.end.isoformat()}, which is "
            "past; give a later `expires`, or drop the credential"
        )
    response = _post(login, wanted)
    if response.status_code == HTTPStatus.CONFLICT:
        with openstack.connect(wanted.cloud) as conn:
            _remove_namesakes(conn, wanted)
        response = _post(login, wanted)
    made: Record = _answered(response, f"make application credential {wanted.name!r}")[
        "application_credential"
    ]
    return made


def _post(login: openstack.Login, wanted: ApplicationCredentialArgs) -> Response:
    for attempt in range(1, LOGINS + 1):
        with openstack.connect(wanted.cloud, login) as own:
            url = f"/users/{login.user_id}/application_credentials"
            response = own.identity.post(url, json=wanted.body())
        if response.status_code != HTTPStatus.UNAUTHORIZED or attempt == LOGINS:
            break
        time.sleep(REVOKED_S)
    return response


def _remove_namesakes(conn: Connection, wanted: ApplicationCredentialArgs) -> None:
    user_id = wanted.user_id
    collection = f"users/{user_id}/application_credentials"
    response, ours = exact.listed(
        conn.identity, collection, {"name": wanted.name, "description": wanted.description}
    )
    _answered(response, f"list the application credentials of user {user_id}")
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
    doing = f"delete application credential {credential_id} of user {user_id}"
    _answered(response, doing, HTTPStatus.NOT_FOUND)


def _answered(response: Response, doing: str, *fine: HTTPStatus) -> dict[str, Any]:
    own = "'application_credential'" in (openstack.message(response) or "")
    return openstack.answered(response, "Keystone", doing, *fine, hints=_OWN_LOGIN if own else None)
