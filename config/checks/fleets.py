"""What fleets name and nothing declares, or their project may not use."""

from collections.abc import Callable, Iterable, Iterator

from clients.names import folded
from config.errors.issues import KeyPath, ValidationIssue, nearest
from config.fleet import FleetSpec
from config.network import ProjectReference
from config.settings import Settings


def fleet_problems(settings: Settings, sound: Callable[[KeyPath], bool]) -> Iterator[ValidationIssue]:
    """What fleets name, and their accounts; SOUND as for `cross_checks`. An unknown project is told elsewhere."""
    accounts = {folded(account.qualified_name) for account in settings.accounts}
    projects = {project.qualified_name for project in settings.projects}
    for index, spec in enumerate(settings.fleets):
        for key, section, issues in _checks(spec, settings, known_project=spec.project_name in projects):
            if sound((section,)) and sound(("fleets", index, key)):
                for path, sentence in issues:
                    yield ValidationIssue(("fleets", index, key, *path), sentence)
        if folded(spec.account.qualified_name) in accounts:
            yield ValidationIssue(
                ("fleets", index),
                f"its own account would be {spec.account.qualified_name!r}, which accounts declares; rename one of the two",
            )


_Issue = tuple[KeyPath, str]


def _checks(
    spec: FleetSpec, settings: Settings, *, known_project: bool
) -> Iterator[tuple[str, str, Iterable[_Issue]]]:
    """Keys of a fleet, the sections whose entries they name, and what is wrong there."""
    flavors = {flavor.name: flavor for flavor in settings.flavors}
    networks = {network.name: network for network in settings.networks}
    yield "image", "images", _unknown("image", [spec.image], [one.name for one in settings.images], "images")
    yield "flavor", "flavors", _unknown("flavor", [spec.flavor], flavors, "flavors")
    yield "networks", "networks", _unknown("network", spec.networks, networks, "networks", numbered=True)
    if spec.people and spec.ssh_keys and spec.ssh_keys.ldap:
        yield "ssh_keys", "domains", _no_directory(spec, settings)
    if not known_project:
        return
    if (flavor := flavors.get(spec.flavor)) and not flavor.public:
        yield "flavor", "flavors", _closed("flavor", flavor.name, flavor.projects, spec, "projects")
    for number, name in enumerate(spec.networks):
        if (network := networks.get(name)) and not network.shared:
            found = _closed("network", name, network.shared_with, spec, "shared_with", number)
            yield "networks", "networks", found
    groups = [one.name for one in settings.security_groups if one.project_name == spec.project_name]
    found = _unknown("security group", spec.security_groups, groups, "security_groups", numbered=True)
    yield "security_groups", "security_groups", found
    if spec.server_group:
        placed = [one.name for one in settings.server_groups if one.project_name == spec.project_name]
        found = _unknown("server group", [spec.server_group], placed, "server_groups")
        yield "server_group", "server_groups", found


def _no_directory(spec: FleetSpec, settings: Settings) -> Iterator[_Issue]:
    with_one = {domain.name for domain in settings.domains if domain.directory}
    if spec.people_domain not in with_one:
        yield (
            ("ldap",),
            f"no directory of domain {spec.people_domain!r} is in this file; give it under domains, or {{files: FOLDER}}",
        )


def _unknown(
    kind: str, names: Iterable[str], known: Iterable[str], section: str, *, numbered: bool = False
) -> Iterator[_Issue]:
    there = list(known)
    for number, name in enumerate(names):
        if name not in there:
            hint = nearest(name, there) or f"; declare it under {section}"
            whose = "of its project " if kind.endswith("group") else ""
            yield (number,) if numbered else (), f"there is no {kind} {whose}{name!r} in this file{hint}"


def _closed(
    kind: str, name: str, users: Iterable[ProjectReference], spec: FleetSpec, key: str, *path: int
) -> Iterator[_Issue]:
    if spec.project_name not in {project.qualified_name for project in users}:
        yield (
            path,
            f"project {spec.project_name!r} may not use {kind} {name!r}; add it to that {kind}'s {key}",
        )
