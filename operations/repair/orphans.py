"""What a killed `pulumi` left running: its plugins, which may still be making what they were asked for."""

import re
import socket
import time
from contextlib import suppress
from pathlib import Path

import psutil

_ENGINE = re.compile(r"127\.0\.0\.1:(\d+)")
PATIENCE_S = 10


def orphans(folder: Path) -> list[psutil.Process]:
    """The plugins that were started in FOLDER by an engine which no longer answers.

    An engine gives each plugin its address; where nobody listens there, the engine is gone.
    """
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words, cwd = process.info["cmdline"] or (), process.info["cwd"]
        ports = [int(match[1]) for word in words if (match := _ENGINE.fullmatch(word))]
        if cwd and Path(cwd) == folder.resolve() and ports and not any(map(_answers, ports)):
            found.append(process)
    return found


def end(found: list[psutil.Process]) -> list[psutil.Process]:
    """Ends them, politely at first; the ones that are still there after that."""
    left = found
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                signal(process)
        deadline = time.monotonic() + PATIENCE_S
        while (left := list(filter(_lives, left))) and time.monotonic() < deadline:
            time.sleep(0.1)
    return left


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
