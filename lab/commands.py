"""Running programs with their output in a log; an error names the log and shows its end."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TAIL_LINES = 12


class CommandError(LabError):
    """A program failed; the text names its log and ends with the log's last lines."""


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log, indented, or say that there is none."""
    try:
        text = log.read_text(errors="replace").strip().splitlines()[-lines:]
    except FileNotFoundError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in text) or "    (the log is empty)"


def logged(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    given: str = "",
    timeout: float = 600,
) -> None:
    """Run a program to its end, appending its output to `log`.

    Args:
        command: The program and its arguments; secrets belong in `given`, not here.
        log: The file its output is appended to.
        environment: Its whole environment, if not this process's.
        given: What it reads on standard input.
        timeout: Seconds after which it is ended.

    Raises:
        CommandError: It failed, or did not end in time.
    """
    with log.open("a") as handle:
        handle.write(f"--- {time.strftime('%F %T')} {' '.join(command)}\n")
        handle.flush()
        try:
            done = subprocess.run(
                command,
                stdout=handle,
                stderr=subprocess.STDOUT,
                input=given,
                text=True,
                env=environment,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            raise CommandError(
                f"{command[0]} is not installed: run `/usr/bin/python3 -m lab install`."
            ) from None
        except subprocess.TimeoutExpired:
            raise CommandError(failure(command[0], f"did not end within {timeout:.0f} s", log)) from None
    if done.returncode:
        raise CommandError(failure(command[0], f"ended with code {done.returncode}", log))


def failure(what: str, how: str, log: Path) -> str:
    """Word a failure: who, how, which log, and the log's last lines."""
    return f"{what} {how}; its log is {log.resolve()} and ends with:\n{tail(log)}"
