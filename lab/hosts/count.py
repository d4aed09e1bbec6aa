"""How many simulated hosts this lab has: on record, so that every later command means the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.settings import LabError

if TYPE_CHECKING:
    from lab.settings import Lab

MOST = 9  # their links' names at the switches have one digit


def recorded(lab: Lab) -> int:
    """Return the number on record; 0 where none was ever asked for."""
    try:
        return int((lab.folder / "data" / "hosts.count").read_text())
    except FileNotFoundError:
        return 0


def record(lab: Lab, number: int) -> None:
    """Remember how many there shall be.

    Raises:
        LabError: There cannot be so many.
    """
    if not 0 <= number <= MOST:
        raise LabError(
            f"--hosts is {number}, but the lab simulates {MOST} hosts at most: 3 make a control plane."
        )
    (lab.folder / "data").mkdir(parents=True, exist_ok=True)
    (lab.folder / "data" / "hosts.count").write_text(f"{number}\n")
