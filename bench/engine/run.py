"""One command of one way: how long it took, and what it asked of the cloud."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

MOST_ENDING = 5.0  # seconds that a command's plugins may take to end after it


@dataclass(frozen=True)
class Run:
    """What was measured.

    Attributes:
        way: ours, ours-dynamic, terraform or ansible.
        size: resources.
        phase: preview, up, empty preview, refresh or destroy.
        seconds: wall-clock time.
        cpu_s: processor time of the command and of what it waited for: much less a matter of what else runs.
        requests: how many, by `counter.kind`.
        load: of the machine when it began, processes over one minute.
    """

    way: str
    size: int
    phase: str
    seconds: float
    cpu_s: float = 0.0
    requests: Mapping[str, int] = field(default_factory=dict)
    load: float = 0.0

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.requests.values())

    def append_to(self, path: Path) -> None:
        """Add it to a file of one JSON object a line."""
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self)) + "\n")


def read(path: Path) -> list[Run]:
    """Return what a file has; nothing where there is none."""
    if not path.exists():
        return []
    return [Run(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Command:
    """A program's arguments, where it runs, and what its output has to say."""

    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    says: tuple[str, ...] = ()
    """All of these, or something went otherwise than meant."""

    def run(self) -> str:
        """Run it; returns what it printed.

        Raises:
            RuntimeError: it failed, or did not say what it should; ends with what it printed last.
        """
        done = subprocess.run(
            self.arguments,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lacking = [words for words in self.says if words not in done.stdout]
        if done.returncode or lacking:
            why = f"failed with {done.returncode}" if done.returncode else f"did not say {lacking}"
            raise RuntimeError(f"`{' '.join(self.arguments)}` {why}:\n{done.stdout[-4000:]}")
        return done.stdout


class Counts(Protocol):
    """What counts requests."""

    def taken(self) -> Counter[str]:
        """Return those since it was last asked."""


def measured(way: str, size: int, phases: Sequence[tuple[str, Command]], counter: Counts) -> Iterator[Run]:
    """Run the phases one after the other, and yield what each took.

    Where one fails, the last, which removes everything, is run all the same.
    """
    ended = False
    try:
        for phase, command in phases:
            load = os.getloadavg()[0]
            counter.taken()
            started, used = time.monotonic(), _processor_time()
            command.run()
            seconds = time.monotonic() - started
            cpu_s = _processor_time() - used
            yield Run(way, size, phase, seconds, cpu_s, dict(counter.taken()), load)
        ended = True
    finally:
        if not ended:
            phases[-1][1].run()


def adopt_orphans() -> None:
    """Become the parent of whatever the commands leave behind: plugins that are killed and not waited for.

    Raises:
        OSError: the kernel refused (prctl(2), PR_SET_CHILD_SUBREAPER).
    """
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no child subreaper")


def _processor_time() -> float:
    """Return the seconds of all descendants that have ended, after waiting a little for those that are ending."""
    until = time.monotonic() + MOST_ENDING
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def requests_by_kind(runs: Iterable[Run]) -> Counter[str]:
    """Return the requests of several runs together."""
    return sum((Counter(run.requests) for run in runs), Counter())
