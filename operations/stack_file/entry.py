"""What is put into a stack file: a new entry, or the id of what an entry declares."""

from dataclasses import dataclass
from typing import Any, Self

from config.errors.issues import KeyPath
from config.spec import Adoptable


@dataclass(frozen=True)
class Entry:
    """An entry to add to a section of the stack file.

    Attributes:
        section: its section, such as "networks".
        title: what it is, for people.
        values: as it is to be written: nothing that the model would fill in by itself.
    """

    section: str
    title: str
    values: dict[str, Any]

    @classmethod
    def of(cls, section: str, title: str, spec: Adoptable) -> Self:
        """The entry that reads as SPEC."""
        values = _as_a_person_writes(spec.model_dump(mode="json", exclude_defaults=True))
        return cls(section, title, values)


@dataclass(frozen=True)
class MissingId:
    """An entry that stands in the stack file and is there on the cloud, but not in the stack's state."""

    path: KeyPath
    title: str
    adopt: str


def _as_a_person_writes(value: Any) -> Any:
    """The name first, then the id; the id last where there is no name."""
    if isinstance(value, list):
        return [_as_a_person_writes(item) for item in value]
    if not isinstance(value, dict):
        return value
    order = ["name", "adopt"] if "name" in value else []
    order += [key for key in value if key not in {*order, "adopt"}]
    order += ["adopt"]
    return {key: _as_a_person_writes(value[key]) for key in dict.fromkeys(order) if key in value}
