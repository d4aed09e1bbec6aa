"""Which processes are the lab's: found by session, never by name.

The supervisor leads a session of its own and everything it starts stays in that session, also after the
supervisor itself was killed. Its process id, start time and the boot it belongs to are on record, so that a
number the kernel has given to somebody else is never mistaken for it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROC = Path("/proc")
_SLACK_S = 2


@dataclass(frozen=True)
class Leader:
    """Identity of a session leader: process id, start time in seconds since 1970, and the kernel's boot id."""

    pid: int
    started: float
    boot: str

    def is_same(self, other: Leader) -> bool:
        """Whether both are one process: a clock that is set moves what the kernel says of its start."""
        return (self.pid, self.boot) == (other.pid, other.boot) and abs(
            self.started - other.started
        ) < _SLACK_S


def boot_id() -> str:
    """Tell one boot of the machine from another."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Leader | None:
    """Describe a living process."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Leader(pid=pid, started=process.create_time(), boot=boot_id())
    except psutil.NoSuchProcess:
        return None


def record(path: Path, leader: Leader) -> None:
    """Remember the session leader."""
    path.write_text(json.dumps(asdict(leader)) + "\n")


def recorded(path: Path) -> Leader | None:
    """Return the remembered session leader, if it is of this boot."""
    try:
        leader = Leader(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return leader if leader.boot == boot_id() else None


def members(leader: Leader) -> list[int]:
    """Process ids in the leader's session.

    While any member lives the kernel gives the leader's number to nobody else; if the number belongs to a
    process that started at another time, then no member is left.
    """
    now = identify(leader.pid)
    if now is not None and not now.is_same(leader):
        return []
    return [process.pid for process in _living() if _of(os.getsid, process.pid) == leader.pid]


def end(leader: Leader, grace: float) -> None:
    """Send every member SIGTERM, and after `grace` seconds SIGKILL."""
    deadline = time.monotonic() + grace
    for number, force in ((signal.SIGTERM, False), (signal.SIGKILL, True)):
        for pid in members(leader):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        while members(leader) and (force or time.monotonic() < deadline):
            time.sleep(0.1)


def memory(pid: int) -> int:
    """Bytes of memory a process takes, shared pages divided among those who share them; 0 once it is gone."""
    try:
        return int(psutil.Process(pid).memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def in_group(leader: int) -> list[int]:
    """Process ids in a process group (supervisord gives each daemon its own)."""
    return [process.pid for process in _living() if _of(os.getpgid, process.pid) == leader]


def _living() -> Iterator[psutil.Process]:
    return (one for one in psutil.process_iter(["status"]) if one.info["status"] != psutil.STATUS_ZOMBIE)


def _of(ask: Callable[[int], int], pid: int) -> int | None:
    """What ASK says of a process; None once it is gone."""
    try:
        return ask(pid)
    except ProcessLookupError:
        return None
