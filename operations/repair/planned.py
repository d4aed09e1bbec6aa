"""What a preview of a stack would make or import, as far as a repair needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operations.repair.kinds import AFTER_A_KILL, After

_REMOVALS = frozenset({"delete", "delete-replaced", "remove-pending-replace", "discard", "discard-replaced"})


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
