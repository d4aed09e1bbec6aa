"""The stack file without its faulty values, so that the rest is checked too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.errors.issues import KeyPath


@dataclass
class Pruned:
    """A copy of RAW without the values at FAULTY paths; `original` maps paths back.

    At the paths in REPLACED the copy has these values instead.
    """

    raw: Any
    faulty: frozenset[KeyPath]
    replaced: Mapping[KeyPath, Any] = field(default_factory=dict)
    moved: dict[KeyPath, list[int]] = field(default_factory=dict)

    def data(self) -> Any:
        """The copy."""
        return self._copy(self.raw, ())

    def sound(self, path: KeyPath) -> bool:
        """Whether nothing at or below PATH of the copy was left out or replaced."""
        original = self.original(path)
        return not any(wrong[: len(original)] == original for wrong in (*self.faulty, *self.replaced))

    def _copy(self, value: Any, path: KeyPath) -> Any:
        value = self.replaced.get(path, value)
        if isinstance(value, dict):
            missed = {key[-1]: None for key in self.replaced if key[:-1] == path}
            return {
                key: self._copy(inner, (*path, key))
                for key, inner in (missed | value).items()
                if (*path, key) in self.replaced or (*path, key) not in self.faulty
            }
        if isinstance(value, list):
            kept = [
                index
                for index in range(len(value))
                if (*path, index) in self.replaced or (*path, index) not in self.faulty
            ]
            self.moved[path] = kept
            return [self._copy(value[index], (*path, index)) for index in kept]
        return value

    def original(self, path: KeyPath) -> KeyPath:
        """Return the path in the stack file of the value at PATH of the copy."""
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
