"""A directory's settings for Keystone's API, for Keystone's files, and for the preflight."""

from clients.directory.connection import Login
from clients.directory.settings import Entries, Named, Settings
from config.directory import DirectorySpec
from dynamic_providers.keystone_domain_config.provider import KeystoneDomainConfigArgs

Options = dict[str, dict[str, str]]
"""Keystone's options by group, as text: {"identity": {"driver": "ldap"}, "ldap": {…}}."""


def keystone_options(spec: DirectorySpec) -> Options:
    """Keystone's options, without the password and as they mean it: each text is literal."""
    options: dict[str, str | int | bool | None] = {
        "url": ",".join(spec.url),
        "user": spec.bind_dn,
        "use_tls": spec.start_tls,
        "tls_cacertfile": str(spec.ca_file),
        "tls_req_cert": "demand",
        "chase_referrals": False,  # they would be followed without this account
        "pool_connection_timeout": spec.timeout_s,
        "page_size": spec.page_size,
        "query_scope": spec.query_scope,
        "user_tree_dn": spec.user_base_dn,
        "user_objectclass": spec.user_object_class,
        "user_filter": spec.user_filter,
        "user_id_attribute": spec.user_id_attribute,
        "user_name_attribute": spec.user_name_attribute,
        "user_mail_attribute": spec.user_mail_attribute,
        "user_description_attribute": spec.user_description_attribute,
        "user_enabled_attribute": spec.user_enabled_attribute,
        "user_enabled_mask": spec.user_enabled_mask or None,
        "user_enabled_invert": spec.user_enabled_invert or None,
        "user_enabled_default": spec.user_enabled_default,
        "group_tree_dn": spec.group_base_dn,
        "group_objectclass": spec.group_object_class,
        "group_filter": spec.group_filter,
        "group_id_attribute": spec.group_id_attribute,
        "group_name_attribute": spec.group_name_attribute,
        "group_desc_attribute": spec.group_description_attribute,
        "group_member_attribute": spec.group_member_attribute,
        "group_members_are_ids": spec.members_are_ids,
    }
    return {
        "identity": {"driver": "ldap"},
        "ldap": {name: _text(value) for name, value in options.items() if value is not None},
    }


def config_args(
    spec: DirectorySpec, domain: str, cloud: str, witness: Named | None
) -> KeystoneDomainConfigArgs:
    """What Keystone's API is told of the domain DOMAIN, by the entry CLOUD of clouds.yaml.

    WITNESS is somebody who is in the directory, by whom it can be told that Keystone uses it.
    """
    return KeystoneDomainConfigArgs(
        domain=domain,
        options=keystone_options(spec),
        adopt=spec.adopt,
        witness_kind=witness.kind if witness else "user",
        witness_name=witness.name if witness else None,
        cloud=cloud,
    )


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
    own_ca = spec.preflight_ca_file is not None
    return Settings(
        login=Login(
            urls=spec.url,
            start_tls=spec.start_tls,
            ca_file=spec.preflight_ca_file or spec.ca_file,
            ca_setting="preflight_ca_file" if own_ca else "ca_file",
            bind_dn=spec.bind_dn,
            bind_password=spec.bind_password.text,
            timeout_s=spec.timeout_s,
        ),
        users=Entries(
            "user",
            spec.user_base_dn,
            spec.user_object_class,
            spec.user_filter or "",
            spec.user_id_attribute,
            spec.user_name_attribute,
            _given(
                mail_attribute=spec.user_mail_attribute,
                description_attribute=spec.user_description_attribute,
                enabled_attribute=spec.user_enabled_attribute,
            ),
        ),
        groups=Entries(
            "group",
            spec.group_base_dn,
            spec.group_object_class,
            spec.group_filter or "",
            spec.group_id_attribute,
            spec.group_name_attribute,
            _given(
                member_attribute=spec.group_member_attribute,
                description_attribute=spec.group_description_attribute,
            ),
        ),
        subtree=spec.query_scope == "sub",
        page_size=spec.page_size,
    )


def _quoted(text: str) -> str:
    text = text.replace("$", "$$")  # oslo.config replaces $NAME by another option's value
    edges = text[:1] + text[-1:]
    # It strips blanks, and one pair of quotes.
    return f'"{text}"' if edges != edges.strip() or set(edges) & set("\"'") else text


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _given(**attributes: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((end, attribute) for end, attribute in attributes.items() if attribute)
