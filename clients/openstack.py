"""A connection to OpenStack by the name of an entry in clouds.yaml."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import openstack
from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from openstack import exceptions as sdk_exceptions
from openstack.connection import Connection

from clients.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.config.cloud_region import CloudRegion
    from requests import Response

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

_UNUSABLE = (
    sdk_exceptions.ConfigException,
    keystone_exceptions.MissingRequiredOptions,
    keystone_exceptions.NoMatchingPlugin,
)


@dataclass(frozen=True)
class Login:
    """An account's own login to one project, instead of the account of the clouds.yaml entry."""

    user_id: str
    password: str = field(repr=False)
    project_id: str


@dataclass(frozen=True)
class Entry:
    """What an entry of clouds.yaml says of the cloud, and not of the account.

    Attributes:
        auth_url: Keystone's address.
        region: the region's name, empty where none is given.
        interface: which of the catalogue's addresses are used: public, internal or admin.
        ca_file: the CA that Keystone's certificate is checked against, None for the system's.
        verified: whether certificates are checked at all.
    """

    auth_url: str
    region: str
    interface: str
    ca_file: str | None
    verified: bool = True


def entry(cloud: str) -> Entry:
    """Read the entry ``cloud`` of clouds.yaml; no network.

    Raises:
        CloudError: there is no such entry, or it has no auth_url.
    """
    region = _region(cloud)
    settings = region.config
    auth_url = settings.get("auth", {}).get("auth_url")
    if not auth_url:
        raise CloudError(f"the entry {cloud!r} of clouds.yaml has no auth_url; add it under auth")
    return Entry(
        auth_url,
        settings.get("region_name") or "",
        settings.get("interface") or "public",
        settings.get("cacert"),
        verified=region.get_requests_verify_args()[0] is not False,
    )


@contextmanager
def connect(cloud: str, login: Login | None = None) -> Iterator[Connection]:
    """Yield an authorised connection as the clouds.yaml entry ``cloud`` says; close it afterwards.

    With ``login`` it is that account's, and the entry says only where the cloud is. Refused connections, 429
    and 503 are retried a bounded number of times, nothing else is.

    Raises:
        CloudError: no such entry, Keystone refuses the login, or the cloud cannot be reached, now or later on.
    """
    region = _region(cloud)
    by_password = region.config.get("auth_type") in {"password", "v3password"}
    if login is None and by_password and not region.config.get("auth", {}).get("password"):
        raise _unusable(cloud, "it has no password")  # keystoneauth finds out late, with a bare Exception
    connection = Connection(config=region) if login is None else _as_account(region, login)
    with connection:
        try:
            connection.authorize()
        except (sdk_exceptions.SDKException, keystone_exceptions.ClientException) as error:
            auth_url = region.config.get("auth", {}).get("auth_url", "its auth_url")
            whose = "the entry's account" if login is None else f"account {login.user_id}"
            raise CloudError(
                f"cloud {cloud!r}: no token from {auth_url}: {str(error).splitlines()[0]} "
                f"Check that Keystone answers there and that {whose} and its password are right."
            ) from error
        try:
            yield connection
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


def answered(response: Response, service: str, doing: str) -> dict[str, Any]:
    """The body of what SERVICE answered when asked to do that; empty where there is none.

    Raises:
        CloudError: it refused, with its own words.
    """
    if response.ok:
        return response.json() if response.content else {}
    said = message(response) or response.reason or "no reason given"
    raise CloudError(f"{service} refused to {doing}: {response.status_code}, {said}")


def _region(cloud: str) -> CloudRegion:
    try:
        return openstack.config.OpenStackConfig().get_one(cloud, **_BOUNDS)
    except _UNUSABLE as error:
        raise _unusable(cloud, str(error)) from error


def _unusable(cloud: str, reason: str) -> CloudError:
    return CloudError(
        f"clouds.yaml has no usable entry {cloud!r}: {reason.rstrip('.')}. "
        "Correct it, name another one, or point OS_CLIENT_CONFIG_FILE at the right file."
    )


def _as_account(region: CloudRegion, login: Login) -> Connection:
    auth = v3.Password(
        auth_url=region.config.get("auth", {}).get("auth_url"),
        user_id=login.user_id,
        password=login.password,
        project_id=login.project_id,
    )
    verify, certificate = region.get_requests_verify_args()
    session = Session(auth=auth, verify=verify, cert=certificate, timeout=API_TIMEOUT_S)
    return Connection(
        session=session,
        app_name="private-cloud",
        region_name=region.config.get("region_name"),
        interface=region.config.get("interface") or "public",
    )
