"""What adopting comes to: entries for the stack file, ids for entries that stand there, and what is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel

from clients.keystone.assignment import Place
from config.grant import RoleGrantSpec
from config.resource_types import ROLE_SET
from config.settings import Settings
from config.spec import Adoptable
from operations.stack_file.entry import Entry, MissingId


@dataclass(frozen=True)
class LeftOut:
    """Something of the cloud that is not adopted, and why.

    Attributes:
        title: what it is, for people.
        reason: why not, and what would be right.
        declared: whether the stack file declares it and the state does not know it: `up` cannot make it.
    """

    title: str
    reason: str
    declared: bool = False

    def __str__(self) -> str:
        """TITLE: REASON."""
        return f"{self.title}: {self.reason}"


Found = Entry | MissingId | LeftOut


@dataclass(frozen=True)
class Wanted:
    """What to look for.

    Attributes:
        settings: the stack file as it stands.
        pattern: what names must match, as in a shell. For a grant: the name of its project or domain.
        managed: the ids of what this stack's state holds, or the stack file adopts already.
    """

    settings: Settings
    pattern: str = "*"
    managed: frozenset[str] = frozenset()

    def named(self, name: str) -> bool:
        """Whether what is called NAME is asked for."""
        return fnmatchcase(name, self.pattern)


def known_projects(settings: Settings, entries: list[Entry]) -> set[str]:
    """PROJECT@DOMAIN of the projects that SETTINGS declare, or would with ENTRIES."""
    added = (entry.values for entry in entries if entry.section == "projects")
    return {spec.qualified_name for spec in settings.projects} | {
        f"{values['name']}@{values['domain']}" for values in added
    }


def grant_id(assignment_id: str, *, inherited: bool) -> str:
    """ASSIGNMENT_ID, told apart where it is inherited: the plugin gives both kinds of grant the same id."""
    return f"{assignment_id}/inherited" if inherited else assignment_id


def adopted_ids(value: object) -> Iterator[str]:
    """The ids that the entries of VALUE, settings or a part of them, adopt already."""
    if isinstance(value, tuple):
        for item in value:
            yield from adopted_ids(item)
    elif isinstance(value, BaseModel):
        if isinstance(value, Adoptable) and value.adopt:
            inherited = isinstance(value, RoleGrantSpec) and value.inherited
            yield grant_id(value.adopt, inherited=inherited)
        for name in type(value).model_fields:
            yield from adopted_ids(getattr(value, name))


def managed_ids(state: Mapping[str, Any]) -> frozenset[str]:
    """The ids of what STATE, of `pulumi stack export`, holds."""
    found: set[str] = set()
    for resource in (state.get("deployment") or {}).get("resources") or []:
        if resource["type"] == ROLE_SET:
            found.update(granted_ids(resource.get("inputs") or {}))
        elif resource.get("id"):
            found.add(resource["id"])
    return frozenset(found)


def granted_ids(inputs: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the grants that a role set of these inputs gives, as `grants[].adopt` has them; none on the system."""
    place = Place(
        inputs.get("principal_kind", "user"),
        inputs.get("principal_id", ""),
        inputs.get("scope_kind", "system"),
        inputs.get("scope_id", ""),
        inherited=bool(inputs.get("inherited")),
    )
    for role in (inputs.get("roles") or ()) if place.scope_kind != "system" else ():
        yield grant_id(place.assignment_id(role), inherited=place.inherited)
