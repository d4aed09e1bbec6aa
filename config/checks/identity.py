"""Domains, accounts and grants: what one entry cannot know of the others."""

from collections.abc import Iterator

from clients.names import folded
from config.errors.issues import ValidationIssue
from config.kolla_files import domain_file_problem
from config.settings import Settings


def access_problems(settings: Settings) -> Iterator[ValidationIssue]:
    """Grants on the whole system, where the stack file does not allow them, and what they cannot have."""
    for index, grant in enumerate(settings.grants):
        if grant.scope.system and grant.adopt:
            yield ValidationIssue(
                ("grants", index, "adopt"),
                "a grant on the whole system has no id; leave adopt out: one that is there already is left as it is",
            )
        if grant.scope.system and not settings.openstack.allow_system_scope:
            yield ValidationIssue(
                ("grants", index, "scope", "system"),
                f"role {grant.role!r} on the whole system rules every domain, project and service of the cloud; "
                "give a project or a domain, or set openstack.allow_system_scope to true if that is meant",
            )


def account_problems(settings: Settings) -> Iterator[ValidationIssue]:
    """What an account cannot know of the rest of the stack file."""
    directories = {domain.name for domain in settings.domains if domain.directory}
    seen: dict[str, int] = {}
    for index, account in enumerate(settings.accounts):
        if account.domain in directories:
            yield ValidationIssue(
                ("accounts", index, "domain"),
                f"the users of domain {account.domain!r} come from its directory, where Keystone makes none; make "
                "the account in a domain of Keystone's own, such as 'Default', and give it access to the projects",
            )
        first = seen.setdefault(folded(account.qualified_name), index)
        if first != index:
            yield ValidationIssue(
                ("accounts", index),
                f"account {account.qualified_name!r} is declared already at accounts[{first}], as "
                f"{settings.accounts[first].qualified_name!r}: for Keystone, which ignores case and accents, they are "
                "one; rename or drop one",
            )
    for index, grant in enumerate(settings.grants):
        name = f"{grant.user.name}@{grant.user.domain}" if grant.user else ""
        if folded(name) in seen:
            yield ValidationIssue(
                ("grants", index, "user"),
                f"{name!r} is an account of this file; declare the role under "
                f"accounts[{seen[folded(name)]}].access, which lists all that the account may do",
            )


def directory_problems(settings: Settings) -> Iterator[ValidationIssue]:
    """Directories that are to be delivered by Kolla-Ansible, and cannot be."""
    for index, domain in enumerate(settings.domains):
        if domain.directory and domain.directory.delivery == "kolla":
            if settings.kolla is None:
                yield ValidationIssue(
                    ("domains", index, "directory", "delivery"),
                    "it is kolla, and there is no section kolla; give {inventory, …} there, see docs/settings.md",
                )
            problem = domain_file_problem(domain.name)
            if problem:
                yield ValidationIssue(("domains", index, "name"), problem)
