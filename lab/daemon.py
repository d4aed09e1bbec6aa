"""One daemon of the lab: how to start it, and how to check that it works."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lab.configuration import File


class UnhealthyError(LabError):
    """A daemon runs but does not do its work (yet)."""


@dataclass(frozen=True)
class Daemon:
    """One supervised process.

    Attributes:
        name: Its name in status, in the supervisor, and of its log.
        command: Program and arguments; it must stay in the foreground.
        address: Where it listens, as people write it.
        version: Returns the version that is installed.
        check: Returns a few words on its health, or raises UnhealthyError.
        environment: Variables it gets besides the supervisor's.
        files: Its configuration; a changed file means a restart.
        ports: The ports that must be free before it starts.
        elsewhere: Returns the ids of processes of its own that are not in its process group.
    """

    name: str
    command: tuple[str, ...]
    address: str
    version: Callable[[], str]
    check: Callable[[], str]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    ports: tuple[int, ...] = ()
    elsewhere: Callable[[], Sequence[int]] = tuple

    def digest(self) -> str:
        """Return a digest of command, environment and configuration."""
        parts = [*self.command, *(f"{k}={v}" for k, v in sorted(self.environment.items()))]
        parts += [part for file in self.files for part in (str(file.path), file.text)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def log(self, folder: Path) -> Path:
        """Where the supervisor puts what it prints."""
        return folder / f"{self.name}.log"
