"""Names that are used twice, and domains and projects that are not known."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from clients.names import folded
from config.errors.issues import KeyPath, ValidationIssue, nearest
from config.identity import ALWAYS_THERE
from config.settings import Settings

_NAMED_ONCE = (
    *("domain", "project", "grant", "network", "security group", "flavor", "server group", "fleet", "image"),
)


def names_used_twice(settings: Settings) -> Iterator[ValidationIssue]:
    """Names that two entries of one kind have."""
    there = [
        (ALWAYS_THERE, "is always there"),
        *((name, "is in existing_domains") for name in settings.existing_domains),
    ]
    for index, domain in enumerate(settings.domains):
        for name, reason in there:
            if folded(domain.name) == folded(name):
                same = "" if domain.name == name else f", as {name!r}: Keystone takes both names for one"
                yield ValidationIssue(
                    ("domains", index), f"domain {domain.name!r} {reason}{same}; drop one of the two"
                )
    yield from _twice("existing_domains", "domain", settings.existing_domains)
    for kind in _NAMED_ONCE:
        section = f"{kind.replace(' ', '_')}s"
        entries = getattr(settings, section)
        yield from _twice(section, kind, (getattr(one, "qualified_name", "") or one.name for one in entries))
    for index, network in enumerate(settings.networks):
        for problem in _twice("subnets", "subnet", (subnet.name for subnet in network.subnets)):
            yield ValidationIssue(("networks", index, *problem.path), problem.sentence)


def _twice(section: str, kind: str, names: Iterable[str]) -> Iterator[ValidationIssue]:
    seen: dict[str, tuple[int, str]] = {}
    for index, name in enumerate(names):
        first, as_written = seen.setdefault(folded(name), (index, name))
        if first == index:
            continue
        same = (
            ""
            if name == as_written
            else f" as {as_written!r}: the services ignore case, accents and trailing blanks, and take both for one"
        )
        yield ValidationIssue(
            (section, index),
            f"{kind} {name!r} is declared already at {section}[{first}]{same}; rename or drop one",
        )


def _declared(raw: Mapping[str, Any], section: str) -> list[dict[str, Any]]:
    entries = raw.get(section)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _readable(section: object) -> bool:
    """Whether every name that SECTION declares is known."""
    return isinstance(section, list) and all(
        isinstance(entry.get("name") if isinstance(entry, dict) else entry, str) for entry in section
    )


def _homes(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """Where an entry says in which domain something is, and that domain's name."""
    for index, project in enumerate(settings.projects):
        yield ("projects", index, "domain"), project.domain
    for index, account in enumerate(settings.accounts):
        yield ("accounts", index, "domain"), account.domain
    for index, grant in enumerate(settings.grants):
        yield ("grants", index, grant.kind, "domain"), grant.principal.domain
    for index, fleet in enumerate(settings.fleets):
        if fleet.people and fleet.people.domain:
            yield ("fleets", index, "people", "domain"), fleet.people.domain


def _scopes(settings: Settings) -> Iterator[tuple[KeyPath, str | None, str]]:
    """Where an entry names a project and its domain, or a domain alone, and those names."""
    for index, account in enumerate(settings.accounts):
        for number, access in enumerate(account.access):
            yield ("accounts", index, "access", number), access.project, access.domain
        for number, credential in enumerate(account.application_credentials):
            where: KeyPath = ("accounts", index, "application_credentials", number)
            yield where, credential.project, credential.domain
    for index, grant in enumerate(settings.grants):
        if grant.scope.domain:  # the whole system has none
            yield ("grants", index, "scope"), grant.scope.project, grant.scope.domain


def _shares(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    """Where an entry says which project may use it, that project's name and its domain's."""
    for index, network in enumerate(settings.networks):
        for number, reference in enumerate(network.shared_with):
            yield ("networks", index, "shared_with", number), reference.project, reference.domain
    for index, flavor in enumerate(settings.flavors):
        for number, user in enumerate(flavor.projects):
            yield ("flavors", index, "projects", number), user.project, user.domain
    for index, group in enumerate(settings.security_groups):
        yield ("security_groups", index), group.project, group.domain
    for index, placed in enumerate(settings.server_groups):
        yield ("server_groups", index), placed.project, placed.domain
    for index, fleet in enumerate(settings.fleets):
        yield ("fleets", index, "project"), fleet.project.name, fleet.project.domain


def unknown_domains_and_projects(
    settings: Settings, raw: Mapping[str, Any], sound: Callable[[KeyPath], bool]
) -> Iterator[ValidationIssue]:
    """Domains and projects that an entry names and nothing declares; RAW and SOUND as for `cross_checks`."""
    domains = {ALWAYS_THERE, *settings.existing_domains}
    domains |= {str(entry.get("name")) for entry in _declared(raw, "domains")}
    projects = {f"{entry.get('name')}@{entry.get('domain')}" for entry in _declared(raw, "projects")}
    # What is declared in an unknown domain, or cannot be read, is reported there and not again here.
    misplaced = {
        entry.get("name") for entry in _declared(raw, "projects") if entry.get("domain") not in domains
    }
    unreadable = {
        key for key in ("domains", "existing_domains", "projects") if not _readable(raw.get(key, []))
    }

    def domain(path: KeyPath, name: str) -> Iterator[ValidationIssue]:
        if sound(path) and name not in domains and not unreadable & {"domains", "existing_domains"}:
            hint = nearest(name, domains) or "; declare it under domains, or list it under existing_domains"
            yield ValidationIssue(path, f"domain {name!r} is not known{hint}")

    def project(path: KeyPath, name: str, domain_name: str) -> Iterator[ValidationIssue]:
        qualified = f"{name}@{domain_name}"
        known = qualified in projects or name in misplaced
        if sound(path) and not known and "projects" not in unreadable:
            hint = nearest(qualified, projects) or "; declare it under projects"
            yield ValidationIssue(path, f"project {qualified!r} is not known{hint}")

    for path, name in _homes(settings):
        yield from domain(path, name)
    for path, project_name, domain_name in _scopes(settings):
        unknown = list(domain((*path, "domain"), domain_name))
        yield from unknown
        if project_name and sound(path) and not unknown:
            yield from project((*path, "project"), project_name, domain_name)
    for path, project_name, domain_name in _shares(settings):
        yield from project(path, project_name, domain_name)
