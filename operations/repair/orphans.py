"""What a killed `pulumi` left running: its plugins, which may still be making what they were asked for."""

import os
import re
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

_ENGINE = re.compile(r"^127\.0\.0\.1:(\d+)$")
_STATE = 0  # the first field of /proc/PID/stat behind the program's name


@dataclass(frozen=True)
class Orphan:
    """A plugin whose engine is gone."""

    pid: int
    command: str


def orphans(folder: Path, proc: Path = Path("/proc")) -> list[Orphan]:
    """The plugins that were started in FOLDER by an engine which no longer answers.

    An engine gives each plugin its address; where nobody listens there, the engine is gone.
    """
    found = []
    for entry in proc.glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            here = (entry / "cwd").resolve() == folder.resolve()
        except OSError:
            continue
        ports = [int(match[1]) for word in words if (match := _ENGINE.match(word))]
        if here and fields[_STATE] != "Z" and ports and not any(_answers(port) for port in ports):
            found.append(Orphan(int(entry.name), " ".join(words)))
    return found


def end(found: list[Orphan], seconds: float = 10) -> list[Orphan]:
    """Ends them, politely at first; the ones that are still there after that."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for orphan in found:
            try:
                os.kill(orphan.pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + seconds
        while (left := [orphan for orphan in found if _lives(orphan.pid)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not left:
            break
    return left


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_STATE] != "Z"
    except OSError:
        return False


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
