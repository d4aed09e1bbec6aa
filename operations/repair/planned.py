"""What a killed `pulumi` was just doing, as the stack's state has it, and what a preview of it would make or import."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operations.repair.kinds import AFTER_A_KILL, After

_REMOVALS = frozenset({"delete", "delete-replaced", "remove-pending-replace", "discard", "discard-replaced"})

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


@dataclass(frozen=True)
class Import:
    """A resource that Pulumi can import: what it is, and the live object's id."""

    urn: str
    type: str
    id: str
    parent: str
    provider: str

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.urn.rpartition("::")[2]

    def __str__(self) -> str:
        return f"{self.type.rpartition(':')[2]} {self.name} ({self.id})"


def declared_in(preview: Mapping[str, Any]) -> frozenset[str]:
    """The URNs of all that the stack file declares."""
    return frozenset(step["urn"] for step in preview.get("steps") or [] if step["op"] not in _REMOVALS)


def unknown_in(preview: Mapping[str, Any], state: Mapping[str, Any]) -> frozenset[str]:
    """The URNs that a killed run may have left on the cloud under an id that STATE does not know.

    A run registers a component before it makes what is in it. Where STATE has no such component, no run came that
    far: whatever the cloud has of that name is somebody else's, and `make adopt` is the way to take it over.
    """
    known = urns_in(state)
    return frozenset(
        step["urn"]
        for step in preview.get("steps") or []
        if step["op"] == "create"
        and AFTER_A_KILL.get(step["newState"]["type"]) is After.IMPORTED
        and step["newState"].get("parent") in known
    )


def imports_in(preview: Mapping[str, Any]) -> list[Import]:
    """What would be imported, parents of others first."""
    return [
        Import(
            step["urn"],
            step["newState"]["type"],
            step["newState"]["importID"],
            step["newState"]["parent"],
            step["newState"]["provider"].rpartition("::")[0],
        )
        for step in preview.get("steps") or []
        if step["op"] == "import"
    ]


def import_file(imports: list[Import]) -> dict[str, Any]:
    """IMPORTS as `pulumi import --file` reads them."""
    urns = dict.fromkeys(urn for item in imports for urn in (item.parent, item.provider))
    names = {urn: f"urn{number}" for number, urn in enumerate(urns)}
    return {
        "nameTable": {name: urn for urn, name in names.items()},
        "resources": [
            {
                "type": item.type,
                "name": item.name,
                "id": item.id,
                "parent": names[item.parent],
                "provider": names[item.provider],
            }
            for item in imports
        ],
    }


def urns_in(state: Mapping[str, Any]) -> frozenset[str]:
    """The URNs of what STATE, of `pulumi stack export`, holds."""
    return frozenset(resource["urn"] for resource in (state.get("deployment") or {}).get("resources") or [])
