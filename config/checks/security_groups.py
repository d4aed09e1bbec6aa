"""Security groups that rules name, and nothing declares."""

from collections.abc import Callable, Iterator

from config.errors.issues import KeyPath, ValidationIssue, nearest
from config.security_group_rule import SecurityGroupReference
from config.settings import Settings


def unknown_security_groups(
    settings: Settings, sound: Callable[[KeyPath], bool]
) -> Iterator[ValidationIssue]:
    """Groups that a rule names and its project does not have; SOUND as for `cross_checks`. An unknown project is told elsewhere."""
    if not sound(("security_groups",)):  # one that is refused is declared all the same
        return
    projects = {project.qualified_name for project in settings.projects}
    for index, spec in enumerate(settings.security_groups):
        if spec.project_name not in projects:
            continue
        known = [group.name for group in settings.security_groups if group.project_name == spec.project_name]
        for direction, rules in (("ingress", spec.ingress), ("egress", spec.egress or ())):
            for number, rule in enumerate(rules):
                remote = rule.remote
                if isinstance(remote, SecurityGroupReference) and remote.group not in known:
                    hint = nearest(remote.group, known) or "; declare it under security_groups"
                    yield ValidationIssue(
                        ("security_groups", index, direction, number, "remote", "group"),
                        f"project {spec.project_name!r} has no security group {remote.group!r} here{hint}",
                    )
