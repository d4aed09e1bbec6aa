"""A directory's settings for Keystone's API, for Keystone's files, and for the preflight."""

from clients.directory.login import Login
from clients.directory.settings import Entries, Kind, Settings
from config.directory import DirectorySpec

Options = dict[str, dict[str, str]]
"""Keystone's options by group, as text: {"identity": {"driver": "ldap"}, "ldap": {…}}."""

_OF_THE_SAME_NAME = (
    *("page_size", "query_scope", "user_filter", "user_id_attribute", "user_name_attribute"),
    *("user_mail_attribute", "user_description_attribute", "user_enabled_attribute", "user_enabled_default"),
    *("group_filter", "group_id_attribute", "group_name_attribute", "group_member_attribute"),
)
"""The options that Keystone calls as the stack file does."""


def keystone_options(spec: DirectorySpec) -> Options:
    """Keystone's options, without the password and as they mean it: each text is literal."""
    options: dict[str, str | int | bool | None] = {
        **{name: getattr(spec, name) for name in _OF_THE_SAME_NAME},
        "url": ",".join(spec.url),
        "user": spec.bind_dn,
        "use_tls": spec.start_tls,
        "tls_cacertfile": str(spec.ca_file),
        "tls_req_cert": "demand",
        "chase_referrals": False,  # they would be followed without this account
        "pool_connection_timeout": spec.timeout_s,
        "user_tree_dn": spec.user_base_dn,
        "user_objectclass": spec.user_object_class,
        "user_enabled_mask": spec.user_enabled_mask or None,
        "user_enabled_invert": spec.user_enabled_invert or None,
        "group_tree_dn": spec.group_base_dn,
        "group_objectclass": spec.group_object_class,
        "group_desc_attribute": spec.group_description_attribute,
        "group_members_are_ids": spec.members_are_ids,
    }
    texts = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in options.items()
        if value is not None
    }
    return {"identity": {"driver": "ldap"}, "ldap": texts}


def domain_file(spec: DirectorySpec, password: str) -> str:
    """The text of keystone.DOMAIN.conf, as oslo.config reads it.

    Only a file may set connection_timeout; the API knows pool_connection_timeout alone.
    """
    options = keystone_options(spec)
    options["ldap"] |= {"password": password, "connection_timeout": str(spec.timeout_s)}
    return "\n".join(
        f"[{group}]\n" + "".join(f"{name} = {_quoted(text)}\n" for name, text in values.items())
        for group, values in options.items()
    )


def probe_settings(spec: DirectorySpec) -> Settings:
    """Return the same settings for the preflight from this machine."""
    return Settings(
        login=Login(
            urls=spec.url,
            start_tls=spec.start_tls,
            ca_file=spec.preflight_ca_file or spec.ca_file,
            ca_setting="preflight_ca_file" if spec.preflight_ca_file else "ca_file",
            bind_dn=spec.bind_dn,
            bind_password=spec.bind_password.text,
            timeout_s=spec.timeout_s,
        ),
        users=_entries(spec, "user", "mail_attribute", "description_attribute", "enabled_attribute"),
        groups=_entries(spec, "group", "member_attribute", "description_attribute"),
        subtree=spec.query_scope == "sub",
        page_size=spec.page_size,
    )


def _entries(spec: DirectorySpec, kind: Kind, *wanted: str) -> Entries:
    found = {end: getattr(spec, f"{kind}_{end}") for end in (*_ENDS, *wanted)}
    return Entries(
        kind,
        **{end: found[end] or "" for end in _ENDS},
        wanted_attributes=tuple((end, found[end]) for end in wanted if found[end]),
    )


_ENDS = ("base_dn", "object_class", "filter", "id_attribute", "name_attribute")


def _quoted(text: str) -> str:
    text = text.replace("$", "$$")  # oslo.config replaces $NAME by another option's value
    edges = text[:1] + text[-1:]
    # It strips blanks, and one pair of quotes.
    return f'"{text}"' if edges != edges.strip() or set(edges) & set("\"'") else text
