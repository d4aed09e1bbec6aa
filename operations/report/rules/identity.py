"""Domains, projects, quotas, users, roles and credentials."""

from pydantic import TypeAdapter

from clients.keystone.assignment import Assignment
from config.account import AccountSpec
from config.grant import RoleGrantSpec
from config.identity import DomainSpec, ProjectSpec
from dynamic_providers.application_credential.provider import ApplicationCredentialProvider
from dynamic_providers.generated_password.provider import GeneratedPasswordProvider
from dynamic_providers.keystone_domain_config.provider import KeystoneDomainConfigProvider
from dynamic_providers.role_set.provider import RoleSetProvider
from dynamic_providers.undeclared_grants.provider import UndeclaredGrantsProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Fact, Risk, Verdict
from operations.report.rules.rule import (
    Rule,
    by_key,
    first_unknown,
    given,
    harmless,
    interrupts,
    listed,
    lost,
    of_kind,
)

_ASSIGNMENTS = TypeAdapter(list[Assignment])
_ID_ATTRIBUTES = ("user_id_attribute", "group_id_attribute")


def _word(change: Change) -> str:
    return "domain" if change.inputs.get("isDomain") else "project"


def _of_project(change: Change, cloud: Dependents) -> tuple[Fact, ...]:
    return cloud.of_domain(change.id) if change.inputs.get("isDomain") else cloud.of_project(change.id)


def _project_goes(change: Change, cloud: Dependents) -> Verdict:
    word, facts = _word(change), _of_project(change, cloud)
    how = "removed, and another of that name made" if change.new else "removed"
    held = [fact for fact in facts if fact.what != "users"]
    if first_unknown(held):
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"The {word} is {how}. What is in it would belong to nobody, and what that is could not be found out.",
            facts,
        )
    if all(fact.is_none for fact in held):
        return Verdict(
            Risk.INTERRUPTS, f"The {word} is {how}, with all grants on it; nothing is in it.", facts
        )
    return Verdict(
        Risk.LOSES_DATA,
        f"The {word} is {how}. Keystone does not look what is in it: instances and volumes stay behind, and nobody "
        "can log in to get at them.",
        facts,
    )


def _user_goes(change: Change, _cloud: Dependents) -> Verdict:
    how = "removed, and another of that name made with another id" if change.new else "removed"
    return Verdict(
        Risk.INTERRUPTS,
        f"The account is {how}: its logins, roles and application credentials end.",
        (Fact.of("users", [change.id], named=False),),
    )


def _roles(change: Change, cloud: Dependents) -> tuple[Fact, ...]:
    kind = "user" if given(change, "principal_kind") == "user" else "group"
    return (cloud.members_of(kind, given(change, "principal_id")),)


def _roles_change(change: Change, cloud: Dependents) -> Verdict:
    gone = len(lost(change, "roles"))
    if gone:
        return Verdict(
            Risk.INTERRUPTS,
            f"{gone} role{'s are' if gone > 1 else ' is'} taken away: what needs "
            f"{'them' if gone > 1 else 'it'} is refused from then on.",
            _roles(change, cloud),
        )
    if given(change, "scope_kind") == "system":
        return Verdict(
            Risk.NEEDS_A_PERSON, "A role on the whole system: it rules every domain, project and service."
        )
    return Verdict(Risk.HARMLESS, "Somebody may do more; nobody may do less.")


def _undeclared(change: Change, _cloud: Dependents) -> Verdict:
    found = _ASSIGNMENTS.validate_python(listed(change.new, "undeclared"))
    if not found:
        return Verdict(Risk.HARMLESS, "No grant is there beside the declared ones.")
    lines = "; ".join(map(str, found))
    return Verdict(
        Risk.INTERRUPTS,
        f"Grants that the stack file does not declare are taken away: {lines}.",
        (Fact.of("users and groups", {one.place.principal_id for one in found}, named=False),),
    )


def _directory_is_set(change: Change, cloud: Dependents) -> Verdict:
    facts = _users(change, cloud)
    return Verdict(
        Risk.INTERRUPTS if not facts or not facts[0].is_none else Risk.HARMLESS,
        "The domain's users are the directory's from then on; users that Keystone itself keeps there are hidden.",
        facts,
    )


def _directory_changes(change: Change, cloud: Dependents) -> Verdict:
    facts = _users(change, cloud)
    before, after = (side.get("options") or {} for side in (change.old, change.new))
    moved = [
        name
        for name in _ID_ATTRIBUTES
        if (before.get("ldap") or {}).get(name) != (after.get("ldap") or {}).get(name)
    ]
    if moved:
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"{moved[0]} changes: everybody of the directory becomes somebody new, and whatever was granted to "
            "them is theirs no more.",
            facts,
        )
    return Verdict(
        Risk.INTERRUPTS,
        "Keystone asks the directory in another way from then on; a mistake in it locks the domain's people out.",
        facts,
    )


def _users(change: Change, cloud: Dependents) -> tuple[Fact, ...]:
    domain = given(change, "domain_id")
    return of_kind("users", cloud.of_domain(domain)) if domain else ()


def _credential_goes(change: Change, _cloud: Dependents) -> Verdict:
    sentence = (
        "The credential is made anew with another secret: machines that use it need the new one."
        if change.new
        else "The credential ends: machines that still use it are refused."
    )
    return Verdict(Risk.INTERRUPTS, sentence)


_QUOTA = Rule(
    "quota",
    harmless("Limits are set; what is there stays."),
    harmless("Limits count for what is made from now on; what is there stays, also above them."),
    harmless("The limits stay as they are; this stack only forgets them."),
)
_KEYSTONE_RESTARTS = interrupts(
    "Kolla-Ansible delivers the file and reconfigures Keystone: logins fail for the moments of its restart."
)
_COMMAND = Rule("domain file for Kolla", _KEYSTONE_RESTARTS, _KEYSTONE_RESTARTS, _KEYSTONE_RESTARTS)


IDENTITY_RULES = {
    "openstack:identity/project:Project": Rule(
        "project",
        lambda change, _: Verdict(Risk.HARMLESS, f"A new {_word(change)}; nobody uses it yet."),
        by_key(
            {
                "enabled": "Nobody can log in to it while it is disabled.",
                "name": "Logins that name it by its name have to use the new one.",
            },
            "Only its description or the like changes.",
            facts=_of_project,
        ),
        _project_goes,
        specs=(ProjectSpec, DomainSpec),
    ),
    "openstack:identity/user:User": Rule(
        "account",
        harmless("A new account; nobody uses it yet."),
        by_key(
            {
                "password": "The account's password changes: whoever logs in with it needs the new one.",
                "enabled": "The account cannot log in while it is disabled.",
                "name": "Logins by the account's name have to use the new one.",
            },
            "Only its description or the like changes.",
        ),
        _user_goes,
        specs=(AccountSpec,),
    ),
    "openstack:compute/quotaSetV2:QuotaSetV2": _QUOTA,
    "openstack:networking/quotaV2:QuotaV2": _QUOTA,
    "openstack:blockstorage/quoteSetV3:QuoteSetV3": _QUOTA,
    "command:local:Command": _COMMAND,
    "command:remote:Command": _COMMAND,
    "pulumi-python:dynamic/identity:RoleSet": Rule(
        "roles",
        _roles_change,
        _roles_change,
        lambda change, cloud: Verdict(
            Risk.INTERRUPTS,
            "The roles are taken away: what needs them is refused from then on.",
            _roles(change, cloud),
        ),
        provider=RoleSetProvider,
        specs=(RoleGrantSpec,),
    ),
    "pulumi-python:dynamic/identity:UndeclaredGrants": Rule(
        "undeclared grants",
        _undeclared,
        _undeclared,
        harmless("They are not looked for any more; nothing comes back."),
        replace=_undeclared,
        provider=UndeclaredGrantsProvider,
    ),
    "pulumi-python:dynamic/identity:ApplicationCredential": Rule(
        "application credential",
        harmless("A new login for a machine."),
        harmless("Only how it is reached changes."),
        _credential_goes,
        provider=ApplicationCredentialProvider,
    ),
    "pulumi-python:dynamic/identity:GeneratedPassword": Rule(
        "generated password",
        harmless("A new password."),
        interrupts("Another password is made: whoever logs in with the old one needs the new one."),
        harmless("The stack forgets a password; the account that had it says more."),
        provider=GeneratedPasswordProvider,
    ),
    "pulumi-python:dynamic/keystone:DomainConfig": Rule(
        "directory",
        _directory_is_set,
        _directory_changes,
        lambda change, cloud: Verdict(
            Risk.INTERRUPTS,
            "The domain's people come from the directory no more and cannot log in; grants to them point to nobody.",
            _users(change, cloud),
        ),
        provider=KeystoneDomainConfigProvider,
    ),
}
