"""What a killed `pulumi` was just doing, as the stack's state has it, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CREATING = "creating"


@dataclass(frozen=True)
class Pending:
    """An operation that the state knows the beginning of, and not the end."""

    kind: str
    urn: str

    @property
    def type(self) -> str:
        """The resource's type, such as openstack:networking/network:Network."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.urn.rpartition("::")[2]

    @property
    def of_openstack(self) -> bool:
        """Whether OpenStack may have made it under an id that only a search tells."""
        return self.kind == CREATING and self.type.startswith("openstack:")

    def __str__(self) -> str:
        what = f"{self.type.rpartition(':')[2]} {self.name}"
        if self.of_openstack:
            return (
                f"{what} was being created: OpenStack may have it, under an id that the state does not know"
            )
        if self.kind == CREATING:
            return f"{what} was being created: its provider finds by itself what it has made, at the next up"
        return f"{what} was {self.kind}: a refresh asks what it is now"


def pending_in(state: dict[str, Any]) -> list[Pending]:
    """The pending operations of STATE, which `pulumi stack export` printed."""
    operations = (state.get("deployment") or {}).get("pending_operations") or []
    return [Pending(operation["type"], operation["resource"]["urn"]) for operation in operations]


def stack_urn(state: dict[str, Any]) -> str | None:
    """The stack's own resource in STATE; None in an empty one."""
    resources = (state.get("deployment") or {}).get("resources") or []
    return next(
        (str(resource["urn"]) for resource in resources if resource["type"] == "pulumi:pulumi:Stack"), None
    )
