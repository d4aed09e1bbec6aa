"""All checks across the entries of a stack file."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from config.checks.addresses import address_plan_problems
from config.checks.ceph import ceph_user_problems
from config.checks.fleets import fleet_problems
from config.checks.hosts import host_problems
from config.checks.identity import access_problems, account_problems, directory_problems
from config.checks.names import names_used_twice, unknown_domains_and_projects
from config.checks.security_groups import unknown_security_groups
from config.errors.issues import KeyPath, ValidationIssue
from config.settings import Settings


def cross_checks(
    settings: Settings, raw: Mapping[str, Any], sound: Callable[[KeyPath], bool] = lambda _: True
) -> Iterator[ValidationIssue]:
    """Every conflict between entries of SETTINGS.

    RAW is the whole file: an entry refused for another reason still counts as declared, so that one mistake
    is reported once. SOUND says whether all below a path of SETTINGS is as the file has it.
    """
    yield from names_used_twice(settings)
    yield from unknown_domains_and_projects(settings, raw, sound)
    yield from unknown_security_groups(settings, sound)
    yield from fleet_problems(settings, sound)
    yield from address_plan_problems(settings, sound)
    yield from access_problems(settings)
    yield from account_problems(settings)
    yield from directory_problems(settings)
    yield from host_problems(settings, raw)
    yield from ceph_user_problems(settings, raw)
    if settings.images and settings.image_store is None and "image_store" not in raw:
        yield ValidationIssue(
            ("image_store",),
            "it is missing, and there are images; give {cloud, pool, ceph_user}, see docs/settings.md",
        )
