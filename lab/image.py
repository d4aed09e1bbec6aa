"""placeholder"""

from __future__ import annotations


def ensure(lab: object) -> None:
    """Placeholder."""
