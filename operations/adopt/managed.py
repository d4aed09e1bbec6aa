"""What a stack manages already, by the ids that its state holds."""

from collections.abc import Iterator, Mapping
from typing import Any

from clients.keystone.assignment import Place
from config.resource_types import ROLE_SET
from operations.adopt.entry import grant_id


def managed_ids(state: Mapping[str, Any]) -> frozenset[str]:
    """The ids of what STATE, of `pulumi stack export`, holds."""
    resources = (state.get("deployment") or {}).get("resources") or []
    return frozenset(
        id_
        for resource in resources
        for id_ in (
            granted_ids(resource.get("inputs") or {})
            if resource["type"] == ROLE_SET
            else [resource["id"]]
            if resource.get("id")
            else []
        )
    )


def granted_ids(inputs: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the grants that a role set of these inputs gives, as `grants[].adopt` has them; none on the system."""
    place = Place(
        inputs.get("principal_kind", "user"),
        inputs.get("principal_id", ""),
        inputs.get("scope_kind", "system"),
        inputs.get("scope_id", ""),
        inherited=bool(inputs.get("inherited")),
    )
    if place.scope_kind != "system":
        for role in inputs.get("roles") or ():
            yield grant_id(place.assignment_id(role), inherited=place.inherited)
