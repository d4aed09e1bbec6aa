"""Whether this lab is to have lab-qemu, where servers really run: on record, so that every later command means the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lab.settings import Lab


def _file(lab: Lab) -> Path:
    return lab.folder / "data" / "qemu.asked"


def asked(lab: Lab) -> bool:
    """Say whether it is; at first it is not."""
    return _file(lab).exists()


def record(lab: Lab, *, wanted: bool) -> None:
    """Remember it."""
    _file(lab).parent.mkdir(parents=True, exist_ok=True)
    if wanted:
        _file(lab).touch()
    else:
        _file(lab).unlink(missing_ok=True)
