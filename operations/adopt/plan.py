"""Reject a plan that does more than import."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from config.resource_types import ROLE_SET, SERVER_GROUP
from operations.adopt.found import granted_ids
from operations.report.change import NOTHING_HAPPENS, Change, changes
from operations.report.redaction import SECRET

_CHANGES_NOTHING = NOTHING_HAPPENS | {"import", "protect", "unprotect"}
_SETS_WHAT_IS_THERE = (
    "pulumi-python:dynamic/network:HostRoutes",
    "pulumi-python:dynamic/network:NetworkAttributes",
    "pulumi-python:dynamic/networking:SecurityGroupRules",
)
"""Dynamic resources, which cannot be imported, of what is adopted: their create finds what it would make."""


@dataclass(frozen=True)
class Plan:
    """A preview's steps on the cloud.

    Attributes:
        imports: what would be imported or taken over, a line each.
        changes: what else would happen, a sentence each.
    """

    imports: tuple[str, ...]
    changes: tuple[str, ...]

    @classmethod
    def of(cls, preview: Mapping[str, Any], adopted: frozenset[str] = frozenset()) -> Self:
        """The plan that PREVIEW, of `pulumi preview --json`, shows.

        ADOPTED are the ids that the stack file adopts: roles that are there already are not imported but taken over.
        """
        things = [one for one in changes(preview) if one.custom and not one.type.startswith("pulumi:")]
        imported = {step["urn"] for step in preview.get("steps") or () if step["op"] == "import"}
        taken_over = [one for one in things if _takes_over(one, adopted)]
        return cls(
            tuple(_title(one) for one in things if one.urn in imported or one in taken_over),
            tuple(sentence for one in things if one not in taken_over for sentence in _changes(one)),
        )


def _takes_over(change: Change, adopted: frozenset[str]) -> bool:
    """Whether CHANGE takes over a server group, or makes a role set all of whose roles are adopted: none is given."""
    if change.operation != "create":
        return False
    if change.type == SERVER_GROUP:
        return change.new.get("adopt") in adopted
    given = set(granted_ids(change.new)) if change.type == ROLE_SET else set()
    return bool(given) and given <= adopted


def _title(change: Change) -> str:
    return f"{change.type.rpartition(':')[2]} {change.name}"


def _changes(change: Change) -> Iterator[str]:
    if change.operation in _CHANGES_NOTHING:
        return
    if change.operation == "create" and change.type in _SETS_WHAT_IS_THERE:
        return
    if change.operation != "update" or not change.keys:
        yield f"{_title(change)}: {change.operation}"
        return
    # The plugin imports declared tags as tags that others gave.
    has_tags = set(change.new.get("tags") or ()) <= set(change.outputs.get("allTags") or ())
    for key in (one.key for one in change.keys if not (one.key == "tags" and has_tags)):
        there, wanted = (_shown(inputs, key) for inputs in (change.old, change.new))
        yield f"{_title(change)}: {key} is {there} and would become {wanted}"


def _shown(inputs: Mapping[str, Any], key: str) -> str:
    if key not in inputs:
        return "not set"
    text = json.dumps(inputs[key], ensure_ascii=False)
    return "a secret" if SECRET in text else text
