"""The engine's event log: it has what `preview --json` and `refresh --json` leave out.

Pulumi writes it for `--event-log FILE` where PULUMI_DEBUG_COMMANDS is true; its automation API reads it in the same way.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def event_log() -> Iterator[Path]:
    """Where the engine writes what it does; gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "events")


def lines_of(log: Path) -> list[str]:
    """The lines of LOG; none where the engine wrote none."""
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def events(lines: Iterable[str], kind: str) -> Iterator[Mapping[str, Any]]:
    """The events of KIND in LINES of a log."""
    for line in lines:
        if f'"{kind}"' in line:
            try:
                yield json.loads(line).get(kind) or {}
            except ValueError:
                continue  # the last line of a run that was killed
