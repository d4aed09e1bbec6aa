"""Placeholders for wrong or missing values of a stack file, so that the rest of their entry is checked too.

A network whose name is wrong still has a VLAN that another one may use.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from config.errors.issues import KeyPath, shown

_WORD = "unreadable-"
_NAMED = re.compile(rf"'{_WORD}(\d+)'")
_LAST_VLAN = 4094


@dataclass
class Placeholders:
    """The placeholders for one stack file, all different.

    Attributes:
        tried: how many were tried at each path.
    """

    raw: Any
    tried: dict[KeyPath, int] = field(default_factory=dict)

    def at(self, path: KeyPath) -> Any:
        """Return the next value to try at PATH, None if all have been refused there."""
        tried = self.tried.get(path, 0)
        self.tried[path] = tried + 1
        candidates = self._candidates(list(self.tried).index(path) + 1)
        return candidates[tried] if tried < len(candidates) else None

    def without_names(self, sentence: str) -> str:
        """Return SENTENCE with the place in the file instead of each placeholder name."""
        places = list(self.tried)
        return _NAMED.sub(lambda found: shown(places[int(found[1]) - 1][:-1]), sentence)

    def _candidates(self, number: int) -> tuple[Any, ...]:
        # One for each kind of required field; a field refuses those of the others.
        return (
            f"{_WORD}{number}",
            self._unused_vlan(number),
            f"100::{number:x}",  # RFC 6666: nothing has these addresses
            f"100:0:0:{number:x}::/64",
            f"/dev/disk/by-path/{_WORD}{number}",
            "compute",
            "0" * 64,
            [{}],
            {},
            [f"link{2 * number}", f"link{2 * number + 1}"],
            {"generated": 1},
        )

    def _unused_vlan(self, number: int) -> int:
        used = set(_numbers(self.raw))
        unused = [vlan for vlan in range(_LAST_VLAN, 0, -1) if vlan not in used]
        return unused[number % len(unused)] if unused else _LAST_VLAN


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, int):
        yield value
