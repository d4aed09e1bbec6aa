"""Going on after a mistake: the stack file without its faulty values, so that the rest is checked too."""

from dataclasses import dataclass, field
from typing import Any

from components.problems import KeyPath


@dataclass
class Pruned:
    """A copy of RAW without the values at FAULTY paths; `original` gives back where a value stood."""

    raw: Any
    faulty: frozenset[KeyPath]
    moved: dict[KeyPath, list[int]] = field(default_factory=dict)

    def data(self) -> Any:
        """The copy."""
        return self._copy(self.raw, ())

    def _copy(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {
                key: self._copy(inner, (*path, key))
                for key, inner in value.items()
                if (*path, key) not in self.faulty
            }
        if isinstance(value, list):
            kept = [index for index in range(len(value)) if (*path, index) not in self.faulty]
            self.moved[path] = kept
            return [self._copy(value[index], (*path, index)) for index in kept]
        return value

    def original(self, path: KeyPath) -> KeyPath:
        """Where the value at PATH of the copy stands in the stack file."""
        found: KeyPath = ()
        for key in path:
            kept = self.moved.get(found)
            found = (*found, kept[key] if kept is not None and isinstance(key, int) else key)
        return found


def exists(raw: Any, path: KeyPath) -> bool:
    """Whether RAW has a value at PATH."""
    here: Any = raw
    for key in path:
        known = here if isinstance(here, dict) else range(len(here) if isinstance(here, list) else 0)
        if key not in known:
            return False
        here = here[key]
    return True
