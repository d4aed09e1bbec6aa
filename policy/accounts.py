"""Rules of accounts and directories: who has which power, and how machines and people prove who they are."""

from collections.abc import Iterator, Sequence

from config.ceph_caps import too_wide
from config.identity import ALWAYS_THERE
from config.resource_names import resource_name
from config.resource_types import APPLICATION_CREDENTIAL, CEPH_USER, DOMAIN_CONFIG, USER
from policy.declared import UNKNOWN, Declared
from policy.rule import Facts, Finding, ResourceRule, StackRule

ADMIN = "admin"
_VERIFYING = {"demand", "hard"}  # of Keystone's [ldap] tls_req_cert; the others take any certificate


def _admin_accounts(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    # From the stack file: resources have roles by ids that only the cloud can name.
    if not facts.settings:
        return
    users = {user.name: user.urn for user in resources if user.type == USER}
    for account in facts.settings.accounts:
        for access in account.access:
            if ADMIN in access.roles:
                name = account.qualified_name
                yield Finding(
                    name, f"it has the role {ADMIN} on {access}", users.get(resource_name(name), "")
                )
    for grant in facts.settings.grants:
        if grant.role == ADMIN and grant.user and grant.user.domain == ALWAYS_THERE:
            user = f"{grant.user.name}@{grant.user.domain}"
            urn = next((other.urn for other in resources if other.name == grant.declared.name), "")
            yield Finding(user, f"it has the role {ADMIN} on {grant.scope}", urn)


def _password_logins(resources: Sequence[Declared], _facts: Facts) -> Iterator[Finding]:
    with_credential = {
        urn
        for credential in resources
        if credential.type == APPLICATION_CREDENTIAL
        for urn in credential.depends_on.get("user_id", ())
    }
    for user in resources:
        if user.type == USER and user.urn not in with_credential:
            yield Finding.of(
                user, "its machines have no application credential, and log in with its password"
            )


def _unverified_directory(config: Declared, _facts: Facts) -> Iterator[str]:
    options = config.props.get("options")
    ldap = options.get("ldap", {}) if isinstance(options, dict) else {}
    if not isinstance(ldap, dict) or not ldap:
        return
    encrypted = ldap.get("use_tls") in {True, "true", "True"}
    for url in str(ldap.get("url", "")).split(","):
        if not encrypted and not url.strip().startswith(("ldaps://", "ldapi://")):
            yield f"{url.strip()!r} is asked without TLS"
    if ldap.get("tls_req_cert", "demand") not in _VERIFYING:
        yield f"tls_req_cert is {ldap['tls_req_cert']!r}: any certificate is taken for the directory's"


def _wide_caps(user: Declared, _facts: Facts) -> Iterator[str]:
    caps = user.props.get("caps")
    for kind, cap in caps.items() if isinstance(caps, dict) else ():
        if cap is not UNKNOWN and too_wide(kind, cap):
            yield f"{cap!r} reaches everything that {kind} guards"


RULES = (
    StackRule(
        name="no-admin-account",
        asks="No service account has the role admin.",
        reason="In Keystone's default policy admin on any one project rules the whole cloud, and a machine's login leaks.",
        remedy="Give it the role it needs, such as member or reader, or have a person do it.",
        check=_admin_accounts,
    ),
    StackRule(
        name="no-password-login",
        asks="Machines log in with application credentials.",
        reason="A credential is for one project, ends, and is replaced without a gap; a password is for all of it.",
        remedy="Give the account `application_credentials`.",
        level="advisory",
        check=_password_logins,
    ),
    ResourceRule(
        name="directory-verified",
        asks="Keystone asks the directory over TLS, and checks whom it asks.",
        reason="Otherwise whoever stands between reads everybody's password.",
        remedy="Use ldaps:// or start_tls, and tls_req_cert = demand.",
        types=frozenset({DOMAIN_CONFIG}),
        check=_unverified_directory,
    ),
    ResourceRule(
        name="narrow-ceph-caps",
        asks="A Ceph user's caps name the pools, paths or commands that they reach.",
        reason="With wider ones the key of one machine opens every volume and image of the cloud.",
        remedy="Name the pool, as in 'profile rbd pool=images', and drop `wide_caps`.",
        level="advisory",
        types=frozenset({CEPH_USER}),
        check=_wide_caps,
    ),
)
