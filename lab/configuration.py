"""Configuration files: rendered from tables, written only when they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.secret import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Sections = dict[str, dict[str, str]]


@dataclass(frozen=True)
class File:
    """A file the lab writes for a service; all are mode 0600, since most carry a password."""

    path: Path
    text: str

    def write(self) -> bool:
        """Write it if it differs; say whether it did."""
        return write_private(self.path, self.text)


def ini(sections: Mapping[str, Mapping[str, object]]) -> str:
    """Render sections of options the way oslo.config, Ceph and MariaDB read them; None is a flag without a value."""
    blocks = []
    for section, options in sections.items():
        lines = [f"[{section}]"]
        for key, value in options.items():
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            lines.append(key if value is None else f"{key} = {shown}".rstrip())
        blocks.append("\n".join(lines))
    return "# Written by `python -m lab up`: changes here are overwritten.\n" + "\n\n".join(blocks) + "\n"
