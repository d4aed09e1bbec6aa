"""A connection to OpenStack by the name of an entry in clouds.yaml."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from openstack import exceptions as sdk_exceptions
from requests import Response

from clients.clouds_yaml import login_of, region_of
from clients.errors import CloudError

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion
    from openstack.connection import Connection as Connection  # noqa: PLC0414 - for whoever is given one
else:
    Connection = Any  # its module imports the classes of all services, which takes long

API_TIMEOUT_S = 60
RETRIES = 5  # with keystoneauth's growing pauses (0.5 s, doubled): half a minute in all
RETRIED_STATUS = [429, 503]
_RETRIED = ("identity", "image", "network", "compute", "placement")
_BOUNDS: dict[str, Any] = {
    "app_name": "private-cloud",
    "api_timeout": API_TIMEOUT_S,
    **{f"{service}_connect_retries": RETRIES for service in _RETRIED},
    **{f"{service}_status_code_retries": RETRIES for service in _RETRIED},
    **{f"{service}_retriable_status_codes": RETRIED_STATUS for service in _RETRIED},
}


@dataclass(frozen=True)
class Login:
    """An account's own login to one project, instead of the account of the clouds.yaml entry."""

    user_id: str
    password: str = field(repr=False)
    project_id: str

    def __str__(self) -> str:
        return f"account {self.user_id}"

    def plugin(self, auth_url: str) -> v3.Password:
        """What keystoneauth logs in with."""
        return v3.Password(auth_url, user_id=self.user_id, password=self.password, project_id=self.project_id)


@dataclass(frozen=True)
class CredentialLogin:
    """An application credential, instead of the account of the clouds.yaml entry."""

    credential_id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"application credential {self.credential_id}"

    def plugin(self, auth_url: str) -> v3.ApplicationCredential:
        """What keystoneauth logs in with."""
        return v3.ApplicationCredential(
            auth_url,
            application_credential_id=self.credential_id,
            application_credential_secret=self.secret,
        )


@contextmanager
def connect(
    cloud: str, login: Login | CredentialLogin | None = None, *, project_id: str | None = None
) -> Iterator[Connection]:
    """Yield an authorised connection as the clouds.yaml entry ``cloud`` says; close it afterwards.

    With ``login`` it is that account's, and the entry says only where the cloud is. With ``project_id`` the entry's
    account is logged in to that project instead of the entry's. Refused connections, 429 and 503 are retried a
    bounded number of times, nothing else is.

    Raises:
        CloudError: no such entry, Keystone refuses the login, or the cloud cannot be reached, now or later on.
    """
    from openstack.connection import Connection  # noqa: PLC0415 - see above

    region = region_of(cloud, **_BOUNDS) if login else login_of(cloud, **_BOUNDS)
    connection = Connection(**({"config": region} if login is None else _as_account(region, login)))
    if project_id:
        connection = connection.connect_as(project_id=project_id)
    with connection:
        try:
            connection.authorize()
        except (sdk_exceptions.SDKException, keystone_exceptions.ClientException) as error:
            auth_url = region.config.get("auth", {}).get("auth_url", "its auth_url")
            whose = str(login or "the entry's account")
            if project_id:
                whose += f" has a role on project {project_id}, and that it"
            raise CloudError(
                f"cloud {cloud!r}: no token from {auth_url}: {str(error).splitlines()[0]} "
                f"Check that Keystone answers there and that {whose} and its password are right."
            ) from error
        try:
            yield connection
        except sdk_exceptions.ServiceDisabledException as error:
            raise CloudError(
                f"cloud {cloud!r}: {str(error).rpartition(': ')[2].rstrip('.')}. Check region_name and interface of "
                "that entry of clouds.yaml."
            ) from error
        except keystone_exceptions.ConnectionError as error:
            raise CloudError(
                f"cloud {cloud!r} did not answer a request: {str(error).splitlines()[0]} "
                "Run it again when it answers: what is done already is found."
            ) from error


def message(response: Response) -> str | None:
    """What a service says in the body of a refusal, in its own words; None without any.

    Keystone and Neutron put it under one name each, Nova under one a kind of refusal (conflictingRequest, …),
    Placement in a list.
    """
    try:
        body: Any = response.json()
        if "errors" in body:
            return str(body["errors"][0]["detail"]).strip()
        (details,) = body.values()
        return str(details["message"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None


def answered(
    response: Response, service: str, doing: str, *fine: HTTPStatus, hints: Mapping[Any, str] | None = None
) -> dict[str, Any]:
    """The body of what SERVICE answered when asked to do that; empty where there is none, or the status is FINE too.

    Raises:
        CloudError: another status; one of HINTS follows the service's own words.
    """
    if response.ok or response.status_code in fine:
        return response.json() if response.ok and response.content else {}
    reason = message(response) or response.reason or "no reason given"
    hint = (hints or {}).get(response.status_code)
    raise CloudError(
        f"{service} refused to {doing}: {response.status_code}, {reason}"
        + (f"{'' if reason.endswith('.') else '.'} {hint}" if hint else "")
    )


def _as_account(region: "CloudRegion", login: Login | CredentialLogin) -> dict[str, Any]:
    auth = login.plugin(region.config.get("auth", {}).get("auth_url"))
    verify, certificate = region.get_requests_verify_args()
    session = Session(auth=auth, verify=verify, cert=certificate, timeout=API_TIMEOUT_S)
    return {
        "session": session,
        "app_name": "private-cloud",
        "region_name": region.config.get("region_name"),
        "interface": region.config.get("interface") or "public",
    }
