"""The LDAP directory that holds the users and groups of a domain: its settings, typed and checked."""

import os
from functools import cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from config.errors.issues import invalid
from config.fields import ProjectPath, Size
from config.secret import Secret, SecretText
from config.spec import Problems, Spec, checking

Attribute = Annotated[  # RFC 4512, 2.5: a name or an OID, and options
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9;-]*$|^[0-2](\.[0-9]+)+$")
]


def _distinguished_name(value: str) -> str:
    import ldap.dn  # noqa: PLC0415 - takes long, and few stacks have a directory

    try:
        parts = ldap.dn.str2dn(value)
    except ldap.DECODING_ERROR:
        parts = []
    if not parts or not all(text for part in parts for _, text, _ in part):
        raise invalid(
            f"{value!r} is not a distinguished name; give one such as 'ou=people,dc=corp,dc=example'"
        )
    return value


def _account(value: str) -> str:
    # Active Directory takes a user principal name, too.
    return value if "@" in value and "=" not in value else _distinguished_name(value)


@cache
def _parses(search_filter: str) -> bool:
    """Whether libldap takes it: it parses before it connects, here to a socket that cannot be."""
    import ldap  # noqa: PLC0415 - as above

    try:
        ldap.initialize("ldapi://%2Fnone%2Fnone").search_ext("", ldap.SCOPE_BASE, search_filter)
    except ldap.LDAPError as error:
        return not isinstance(error, ldap.FILTER_ERROR)
    return True


def _filter(value: str) -> str:
    # Keystone puts it beside other conditions, so it needs its brackets.
    if not value.startswith("(") or not value.endswith(")") or not _parses(f"(&{value}(objectClass=*))"):
        raise invalid(
            f"{value!r} is not a search filter; give one in brackets, such as '(department=engineering)'"
        )
    return value


def _as_list(given: object) -> object:
    return [_from_environment(item) for item in (given if isinstance(given, list | tuple) else [given])]


def _from_environment(given: object) -> object:
    if not isinstance(given, dict) or set(given) != {"env"}:
        return given
    url = os.environ.get(str(given["env"]), "")
    if not url:
        raise invalid(
            f"the environment variable {given['env']} is not set; set it to the directory's address"
        )
    return url


DistinguishedName = Annotated[str, AfterValidator(_distinguished_name)]
SearchFilter = Annotated[str, AfterValidator(_filter)]


class DirectorySpec(Spec, nothing="preflight_ca_file adopt"):
    """Where the users and groups of a domain are kept, and how Keystone reads them; it never writes there.

    Certificates are always verified. The defaults fit OpenLDAP; docs/settings.md has those for Active Directory.
    """

    url: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        min_length=1,
        description="the directory's address, ldaps://HOST[:PORT], or {env: NAME}; a list: asked in this order",
    )
    start_tls: bool = Field(
        default=False,
        validate_default=True,
        description="true or false: whether an ldap:// connection is made TLS by StartTLS",
    )
    ca_file: ProjectPath = Field(
        description="the CA that signed its certificate, a PEM file on Keystone's hosts; "
        "a relative path is the project folder's, for a Keystone on this machine"
    )
    preflight_ca_file: ProjectPath | None = Field(
        None, description="the same file on the machine that runs pulumi; left out, ca_file"
    )
    bind_dn: Annotated[str, AfterValidator(_account)] = Field(
        description="the account that Keystone searches with, a distinguished name"
    )
    bind_password: Secret = Field(description="its password, a secret: {file: PATH} or {env: NAME}")
    user_base_dn: DistinguishedName = Field(
        description="the base DN of its users, such as 'ou=people,dc=corp,dc=example'"
    )
    user_object_class: Attribute = Field("inetOrgPerson", description="the object class of its users")
    user_filter: SearchFilter | None = Field(
        None, description="which of them count, a search filter in brackets; left out, all"
    )
    user_id_attribute: Attribute = Field(
        "uid",
        description="the attribute that is one user's alone for good; with another, everybody is somebody new",
    )
    user_name_attribute: Attribute = Field("uid", description="the attribute that users log in with")
    user_mail_attribute: Attribute | None = Field(
        "mail",
        description="the attribute with the mail address; null: it is not looked for",
    )
    user_description_attribute: Attribute | None = Field(
        None,
        description="the attribute with a description; left out, it is not looked for",
    )
    user_enabled_attribute: Attribute | None = Field(
        None, description="the attribute that says who may log in; left out, all may"
    )
    user_enabled_mask: Size = Field(
        0, description="the bit of it that, set, bars its user, such as 2; 0: it is true or false"
    )
    user_enabled_invert: bool = Field(
        default=False, description="true or false: whether it says who may not, as a lock attribute does"
    )
    user_enabled_default: str | None = Field(
        None, description="what counts for users without it, such as 'True' or, with a mask, '512'"
    )
    group_base_dn: DistinguishedName = Field(
        description="the base DN of its groups, such as 'ou=groups,dc=corp,dc=example'"
    )
    group_object_class: Attribute = Field("groupOfNames", description="the object class of its groups")
    group_filter: SearchFilter | None = Field(
        None, description="which of them count, a search filter in brackets; left out, all"
    )
    group_id_attribute: Attribute = Field(
        "cn", description="the attribute that is one group's alone for good"
    )
    group_name_attribute: Attribute = Field("cn", description="the attribute that grants name a group by")
    group_description_attribute: Attribute | None = Field(
        None,
        description="the attribute with a description; left out, it is not looked for",
    )
    group_member_attribute: Attribute = Field(
        "member", description="the attribute of a group that lists its members"
    )
    members_are_ids: bool = Field(
        default=False, description="true or false: whether it lists ids (posixGroup's memberUid) and not DNs"
    )
    query_scope: Literal["sub", "one"] = Field(
        "sub", description="'sub' or 'one': everything below the base DNs, or the first level only"
    )
    page_size: Size = Field(
        0, description="entries an answer, such as 500 for Active Directory; 0: all in one"
    )
    timeout_s: int = Field(
        10, gt=0, le=300, description="seconds to wait for a connection, a number from 1 to 300"
    )
    delivery: Literal["api", "kolla"] = Field(
        "api", description="'api' or 'kolla': by Keystone's API, or as a file by Kolla-Ansible"
    )
    adopt: bool = Field(
        default=False,
        description="true or false: whether a configuration of somebody else's in the domain is replaced",
    )

    @checking("start_tls")
    def _tls_in_one_of_two_ways(cls, start_tls: bool, info: ValidationInfo) -> Problems:
        wanted = "ldap" if start_tls else "ldaps"
        for url in info.data.get("url", ()):
            if urlsplit(url).scheme != wanted:
                yield (
                    f"{url!r} is to be reached with StartTLS; give ldap://, or ldaps:// and no start_tls"
                    if start_tls
                    else f"{url!r} would send passwords in the clear; give ldaps://, or start_tls: true"
                )

    @checking("url")
    def _ldap_addresses(cls, urls: tuple[str, ...], _info: ValidationInfo) -> Problems:
        for url in urls:
            parts = urlsplit(url)
            whole = parts.scheme in {"ldaps", "ldap"} and parts.hostname and parts.path in {"", "/"}
            if not whole or parts.query or "," in url:
                yield f"{url!r} is not an LDAP address; give one such as 'ldaps://ldap.corp.example:636'"

    @checking("bind_password")
    def _one_line(cls, password: SecretText, _info: ValidationInfo) -> Problems:
        if not password.text.isprintable():
            yield "the password has a line break or another control character; give one without"

    @checking("user_enabled_mask", "user_enabled_invert", "user_enabled_default")
    def _of_an_attribute(cls, value: Any, info: ValidationInfo) -> Problems:
        if value and info.data.get("user_enabled_attribute", "") is None:
            yield "it says nothing without user_enabled_attribute; give that too, or leave this out"
