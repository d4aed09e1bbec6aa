"""How a stack file's mistakes are collected, so that all of them are told at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

INVALID = "refused"

KeyPath = tuple[str | int, ...]
"""Where a value stands in the stack file: ("networks", 1, "subnets", 0, "cidr")."""


def invalid(sentence: str) -> PydanticCustomError:
    """The error a validator raises: SENTENCE says what is wrong and what would be right."""
    return PydanticCustomError(INVALID, "{sentence}", {"sentence": sentence})


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint "; did you mean X?" with the known word closest to WORD, or "" where none is close."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


@dataclass
class ValidationIssues:
    """What is wrong inside one value, found by one validator and raised together."""

    found: list[InitErrorDetails] = field(default_factory=list)

    def add(self, where: KeyPath, sentence: str, value: object = None) -> None:
        """Notes SENTENCE about the part at WHERE, a path that starts at the validated value."""
        self.found.append(InitErrorDetails(type=invalid(sentence), loc=where, input=value))

    def raise_if_any(self) -> None:
        """Raises what was noted; pydantic puts the path of the validated value before each.

        Raises:
            ValidationError: if anything was noted.
        """
        if self.found:
            self._raise()

    def _raise(self) -> NoReturn:
        raise ValidationError.from_exception_data("refused", self.found)


@dataclass(frozen=True)
class ValidationIssue:
    """One mistake of a stack file: where it is, and the sentence that says it."""

    path: KeyPath
    sentence: str
