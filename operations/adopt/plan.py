"""Reject a plan that does more than import."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from config.resource_types import ROLE_SET, SERVER_GROUP
from operations.adopt.found import granted_ids

_SECRET = "[secret]"  # noqa: S105 - what `preview --json` shows of one
_CHANGES_NOTHING = frozenset({"same", "import", "read", "refresh"})
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
        steps = [step for step in preview.get("steps") or [] if _is_of_the_cloud(step)]
        taken = [step for step in steps if step["op"] == "import" or _takes_over(step, adopted)]
        return cls(
            tuple(_title(step) for step in taken),
            tuple(sentence for step in steps if step not in taken for sentence in _changes(step)),
        )


def _takes_over(step: Mapping[str, Any], adopted: frozenset[str]) -> bool:
    """Whether STEP takes over a server group, or makes a role set all of whose roles are adopted: none is given."""
    state = step.get("newState") or {}
    inputs = state.get("inputs") or {}
    if step["op"] != "create":
        return False
    if state.get("type") == SERVER_GROUP:
        return inputs.get("adopt") in adopted
    if state.get("type") != ROLE_SET:
        return False
    given = set(granted_ids(inputs))
    return bool(given) and given <= adopted


def _is_of_the_cloud(step: Mapping[str, Any]) -> bool:
    """Whether STEP is about a thing of the cloud, and not about a component or a provider's settings."""
    state = step.get("newState") or step.get("oldState") or {}
    return bool(state.get("custom")) and not state["type"].startswith("pulumi:providers:")


def _title(step: Mapping[str, Any]) -> str:
    state = step.get("newState") or step["oldState"]
    return f"{state['type'].rpartition(':')[2]} {step['urn'].rpartition('::')[2]}"


def _changes(step: Mapping[str, Any]) -> Iterator[str]:
    kind = (step.get("newState") or step["oldState"])["type"]
    if step["op"] in _CHANGES_NOTHING or (step["op"] == "create" and kind in _SETS_WHAT_IS_THERE):
        return
    fields = step.get("diffReasons") or []
    if step["op"] != "update" or not fields:
        yield f"{_title(step)}: {step['op']}"
        return
    for field in fields:
        if field == "tags" and _has_tags(step):
            continue
        there, wanted = (
            _shown((step.get(state) or {}).get("inputs") or {}, field) for state in ("oldState", "newState")
        )
        yield f"{_title(step)}: {field} is {there} and would become {wanted}"


def _has_tags(step: Mapping[str, Any]) -> bool:
    """Whether what STEP is about has the declared tags: the plugin imports them as tags that others gave it."""
    declared = set((step["newState"].get("inputs") or {}).get("tags") or ())
    return declared <= set((step["oldState"].get("outputs") or {}).get("allTags") or ())


def _shown(inputs: Mapping[str, Any], field: str) -> str:
    if field not in inputs:
        return "not set"
    text = json.dumps(inputs[field], ensure_ascii=False)
    return "a secret" if _SECRET in text else text
