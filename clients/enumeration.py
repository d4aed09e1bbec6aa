"""Things in a sentence: the first few, and how many more there are."""

from collections.abc import Sequence


def enumerated(first: Sequence[str], count: int) -> str:
    """FIRST in a row, and how many more there are of COUNT, such as `a, b and 3 more`."""
    more = count - len(first)
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
