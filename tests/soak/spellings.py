"""Names that services confuse: a name of every kind, and other spellings that fold to the same."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from clients.names import folded

if TYPE_CHECKING:
    from random import Random

WORDS = (
    "plain",
    "café",
    "Größe",
    "Łódź",
    "Ørsted",
    "ÅNGSTRÖM",
    "naïve",
    "İzmir",
    "Ⅷ",
    "ﬁne",
    "Σίσυφος",
    "\uff37\uff29\uff24\uff25",
)
_ACUTE = "\u0301"


def _wide(name: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "a" <= char.lower() <= "z" else char for char in name)


def _accented(name: str) -> str:
    return "".join(char + _ACUTE if char in "aeiou" else char for char in name)


def _decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)


_SPELLINGS = (str.upper, str.lower, str.title, str.swapcase, folded, _decomposed, _accented, _wide)


def other_spelling(name: str, chance: Random) -> str:
    """Another way to write NAME that folds to the same."""
    found = {
        other for spell in _SPELLINGS if (other := spell(name)) != name and folded(other) == folded(name)
    }
    return chance.choice(sorted(found))
