"""A test of a domain's directory by the program at preview and up, before Keystone gets its settings."""

from collections.abc import Sequence

import pulumi

from clients.directory.connection import DirectoryError, UnreachableError
from clients.directory.probe import Found, probe
from clients.directory.settings import Named
from components.identity.directory_renderings import probe_settings
from config.directory import DirectorySpec


def preflight(
    domain: str, spec: DirectorySpec, names: Sequence[Named], resource: pulumi.Resource
) -> Found | None:
    """What is in the directory SPEC of DOMAIN; None, with a warning, where it cannot be reached from here.

    NAMES are looked up in it. RESOURCE is the one that what is found is told of. Nothing is registered with the
    engine before the program's first await, so what is raised here comes before anything that is made.

    Raises:
        pulumi.RunError: a setting is wrong, or a name is nobody's or several entries'.
    """
    names = tuple(dict.fromkeys(names))
    try:
        found = probe(probe_settings(spec), names)
    except UnreachableError as error:
        pulumi.log.warn(
            f"directory of domain {domain}: could not be reached from here ({error}): not checked", resource
        )
        return None
    except DirectoryError as error:
        where = "grants" if error.setting == "names" else f"domains.directory.{error.setting} ({domain})"
        sentence = error.sentence if error.sentence.endswith("?") else f"{error.sentence}."
        raise pulumi.RunError(
            f"{where}: {sentence} The directory of domain {domain!r} was asked; "
            "Keystone has been told nothing."
        ) from None
    for reason in found.unreachable:
        pulumi.log.warn(
            f"directory of domain {domain}: one address could not be reached from here ({reason})", resource
        )
    pulumi.log.info(described(domain, found, names), resource)
    return found


def described(domain: str, found: Found, names: Sequence[Named]) -> str:
    """Return the line about what was found."""
    named = ", ".join(dict.fromkeys(named.name for named in names))
    verb = "is" if len(names) == 1 else "are"
    return (
        f"directory of domain {domain}: {found.users.of('user')} and {found.groups.of('group')}"
        f"{f'; {named} {verb} found' if named else ''}"
    )
