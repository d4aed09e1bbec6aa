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

PROC = Path("/proc")


@dataclass(frozen=True)
class Leader:
    """Identity of a session leader: process id, start time in clock ticks, and the kernel's boot id."""

    pid: int
    started: int
    boot: str


def boot_id() -> str:
    """Tell one boot of the machine from another."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat after the program's name: state first, session fourth, start time 20th."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def identify(pid: int) -> Leader | None:
    """Describe a living process."""
    fields = stat(pid)
    if fields is None or fields[0] == "Z":
        return None
    return Leader(pid=pid, started=int(fields[19]), boot=boot_id())


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
    if now is not None and now != leader:
        return []
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        fields = stat(int(entry.name))
        if fields and fields[0] != "Z" and int(fields[3]) == leader.pid and int(fields[19]) >= leader.started:
            found.append(int(entry.name))
    return found


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
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return 0


def group(pid: int) -> int | None:
    """Return the process group of a process."""
    fields = stat(pid)
    return int(fields[2]) if fields else None


def in_group(leader: int) -> list[int]:
    """Process ids in a process group (supervisord gives each daemon its own)."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = stat(int(entry.name))
            if fields and int(fields[2]) == leader:
                found.append(int(entry.name))
    return found
