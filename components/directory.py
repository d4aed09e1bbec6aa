"""The LDAP directory behind a domain: declared and checked here, not applied to Keystone yet."""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from components.problems import refusal
from components.spec import Spec


def _distinguished_name(value: str) -> str:
    parts = [part.partition("=") for part in value.split(",")]
    if not all(attribute.strip() and equals and text.strip() for attribute, equals, text in parts):
        raise refusal(
            f"{value!r} is not a distinguished name; give one such as 'ou=people,dc=corp,dc=example'"
        )
    return value


class DirectorySpec(Spec):
    """Where the users and groups of a domain are kept. The bind account's password is no part of it."""

    url: str = Field(description="the directory's address, ldaps://HOST or ldaps://HOST:PORT")
    ca_file: PurePosixPath = Field(
        description="the CA that signed its certificate, a file on Keystone's hosts"
    )
    user_base_dn: str = Field(description="the base DN of its users, such as 'ou=people,dc=corp,dc=example'")
    group_base_dn: str = Field(
        description="the base DN of its groups, such as 'ou=groups,dc=corp,dc=example'"
    )
    bind_dn: str = Field(description="the account that Keystone searches with, a distinguished name")

    @field_validator("url")
    @classmethod
    def _ldaps_only(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "ldaps" or not parts.hostname or parts.path not in {"", "/"} or parts.query:
            raise refusal(
                f"{url!r} is not an LDAPS address; give one such as 'ldaps://ldap.corp.example:636'"
            )
        return url

    @field_validator("ca_file")
    @classmethod
    def _absolute(cls, ca_file: PurePosixPath) -> PurePosixPath:
        if not ca_file.is_absolute():
            raise refusal(
                f"'{ca_file}' is not an absolute path; give one such as '/etc/keystone/ldap-ca.pem'"
            )
        return ca_file

    @field_validator("user_base_dn", "group_base_dn", "bind_dn")
    @classmethod
    def _is_a_distinguished_name(cls, value: str) -> str:
        return _distinguished_name(value)
