"""Login files, clouds.yaml and openrc, for the OpenStack client and its libraries."""

import shlex
from collections.abc import Mapping
from typing import Any

import pulumi
import yaml

from clients import clouds_yaml as entries
from clients.clouds_yaml import Entry
from clients.errors import CloudError

Login = dict[str, Any]
"""What an entry of clouds.yaml says of the account: ``auth_type``, and ``auth`` but for the address."""


def password_login(user: str, user_domain: str, password: str, project: str | None, domain: str) -> Login:
    """A user's own login to PROJECT of DOMAIN, or where that is None to the domain itself."""
    scope = {"project_name": project, "project_domain_name": domain} if project else {"domain_name": domain}
    proof = {"username": user, "user_domain_name": user_domain, "password": password}
    return {"auth_type": "password", "auth": proof | scope}


def credential_login(credential_id: str, secret: str) -> Login:
    """An application credential, which is for one project and needs no more names."""
    proof = {"application_credential_id": credential_id, "application_credential_secret": secret}
    return {"auth_type": "v3applicationcredential", "auth": proof}


# Each of these would be mixed into the login, or preferred to it, if it were left from another one.
_OTHERS = (
    *("OS_CLOUD", "OS_TOKEN", "OS_AUTH_TOKEN", "OS_AUTH_TYPE", "OS_AUTH_URL", "OS_ENDPOINT", "OS_URL"),
    *("OS_USERNAME", "OS_USER_ID", "OS_USER_DOMAIN_NAME", "OS_USER_DOMAIN_ID", "OS_PASSWORD", "OS_PASSCODE"),
    *("OS_PROJECT_NAME", "OS_PROJECT_ID", "OS_PROJECT_DOMAIN_NAME", "OS_PROJECT_DOMAIN_ID"),
    *("OS_TENANT_NAME", "OS_TENANT_ID", "OS_DEFAULT_DOMAIN", "OS_DOMAIN_NAME", "OS_DOMAIN_ID"),
    *("OS_DEFAULT_DOMAIN_NAME", "OS_DEFAULT_DOMAIN_ID", "OS_SYSTEM_SCOPE", "OS_TRUST_ID"),
    *("OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_NAME", "OS_APPLICATION_CREDENTIAL_SECRET"),
    *("OS_REGION_NAME", "OS_INTERFACE", "OS_ENDPOINT_TYPE", "OS_IDENTITY_API_VERSION", "OS_CACERT"),
)


def cloud_entry(cloud: str) -> Entry:
    """Where the cloud of that entry of clouds.yaml is, for the logins of others.

    Raises:
        pulumi.RunError: there is no such entry.
    """
    try:
        return entries.entry(cloud)
    except CloudError as error:
        raise pulumi.RunError(f"openstack.cloud: {error}") from None


def clouds_yaml(entry: Entry, logins: Mapping[str, Login]) -> str:
    """A clouds.yaml with an entry for each of LOGINS, in their order."""
    clouds = {
        name: {
            "auth_type": login["auth_type"],
            "auth": {"auth_url": entry.auth_url, **login["auth"]},
            **_where(entry),
        }
        for name, login in logins.items()
    }
    return yaml.safe_dump({"clouds": clouds}, sort_keys=False, allow_unicode=True)


def openrc(entry: Entry, logins: Mapping[str, Login]) -> str:
    """Lines for a POSIX shell that set the first of LOGINS, and unset what others may have left."""
    name, login = next(iter(logins.items()))
    settings = {
        "auth_type": login["auth_type"],
        "auth_url": entry.auth_url,
        **login["auth"],
        **_where(entry),
    }
    return "\n".join(
        [
            f"# {name}: read this into a shell with `. ./openrc`",
            f"unset {' '.join(_OTHERS)}",
            *(f"export OS_{key.upper()}={shlex.quote(value)}" for key, value in settings.items()),
        ]
    )


def _where(entry: Entry) -> dict[str, str]:
    settings = {"region_name": entry.region, "interface": entry.interface, "identity_api_version": "3"}
    if entry.ca_file:
        settings["cacert"] = entry.ca_file
    return {key: value for key, value in settings.items() if value}
