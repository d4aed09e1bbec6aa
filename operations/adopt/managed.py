"""What a stack manages already, by the ids that its state holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operations.adopt.entry import grant_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_INHERITED_GRANT = "openstack:identity/inheritRoleAssignment:InheritRoleAssignment"


def managed_ids(state: Mapping[str, Any]) -> frozenset[str]:
    """The ids of what STATE, of `pulumi stack export`, holds."""
    resources = (state.get("deployment") or {}).get("resources") or []
    return frozenset(
        grant_id(resource["id"], inherited=resource["type"] == _INHERITED_GRANT)
        for resource in resources
        if resource.get("id")
    )
