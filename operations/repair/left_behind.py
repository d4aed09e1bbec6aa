"""What a killed `pulumi` left on this machine: plugins that run on, and torn files beside a state.

Its plugins may still be making what they were asked for. Pulumi's file backend (gocloud.dev's fileblob) renames a whole
new state into place, but empties the notes beside it, `NAME.json.attrs`, before it fills them. Empty ones make the state
unreadable ("EOF"); missing ones do not.
"""

import json
import re
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import psutil

_ENGINE = re.compile(r"127\.0\.0\.1:(\d+)")
PATIENCE_S = 10
WRITTEN_WITHIN_S = 2  # a Pulumi that lives fills the notes within milliseconds


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


def remove_torn_notes() -> list[Path]:
    """Remove the notes that a killed Pulumi left empty in the backend in use; nothing of a backend without files."""
    done = subprocess.run(["pulumi", "whoami", "--json"], capture_output=True, text=True, check=False)
    backend = urlsplit(json.loads(done.stdout)["url"] if done.returncode == 0 else "")
    if backend.scheme != "file":
        return []
    notes = sorted((Path(url2pathname(backend.path)).expanduser() / ".pulumi").rglob("*.attrs"))
    found = [(file, file.stat()) for file in notes]
    torn = [file for file, at in found if not at.st_size and time.time() - at.st_mtime > WRITTEN_WITHIN_S]
    for file in torn:
        file.unlink()
    return torn
