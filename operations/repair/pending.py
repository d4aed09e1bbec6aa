"""What a killed `pulumi` was just doing, as the stack's state has it, and what becomes of it."""

from dataclasses import dataclass
from typing import Any

from operations.repair.kinds import AFTER_A_KILL, After

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
        is_imported = AFTER_A_KILL.get(self.type, After.IMPORTED) is After.IMPORTED
        return self.kind == CREATING and self.type.startswith("openstack:") and is_imported

    @property
    def leaves_something(self) -> bool:
        """Whether it may have made something that only its declaration finds again."""
        is_in_state_only = self.type.startswith("pulumi:") or AFTER_A_KILL.get(self.type) is After.NOWHERE
        return self.kind == CREATING and not is_in_state_only

    def __str__(self) -> str:
        what = f"{self.type.rpartition(':')[2]} {self.name}"
        if self.of_openstack:
            return (
                f"{what} was being created: OpenStack may have it, under an id that the state does not know"
            )
        if self.kind == CREATING:
            return f"{what} was being created: the next up finds by itself what was made, or sets it again"
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
