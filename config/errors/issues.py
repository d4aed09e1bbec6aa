"""Mistakes of a stack file, collected so that all of them are reported at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

INVALID = "refused"

KeyPath = tuple[str | int, ...]
"""Where a value stands in the stack file: ("networks", 1, "subnets", 0, "cidr")."""


def shown(path: KeyPath) -> str:
    """PATH as people write it: networks[1].subnets[0].cidr."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def invalid(sentence: str) -> PydanticCustomError:
    """Return the error that a validator raises; SENTENCE says what is wrong and what would be right."""
    return PydanticCustomError(INVALID, "{sentence}", {"sentence": sentence})


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?" with the known word closest to WORD, or "" if none is close."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


@dataclass
class ValidationIssues:
    """The mistakes inside one value, collected by one validator and raised together."""

    found: list[InitErrorDetails] = field(default_factory=list)

    def add(self, where: KeyPath, sentence: str, value: object = None) -> None:
        """Add SENTENCE about the part at WHERE, a path that starts at the validated value."""
        self.found.append(InitErrorDetails(type=invalid(sentence), loc=where, input=value))

    def raise_if_any(self) -> None:
        """Raise the collected mistakes; pydantic prepends the path of the validated value to each.

        Raises:
            ValidationError: there are any.
        """
        if self.found:
            raise ValidationError.from_exception_data("refused", self.found)


@dataclass(frozen=True)
class ValidationIssue:
    """One mistake of a stack file: where it is, and a sentence about it."""

    path: KeyPath
    sentence: str
