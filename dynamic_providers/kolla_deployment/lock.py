"""One Kolla run at a time: ours by a lock beside the configuration, anybody else's by looking at the processes."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TextIO

import psutil

from clients.errors import CloudError

NAME = ".private-cloud.lock"
LEFT_OVER_S = 15.0
PROGRAMS = frozenset({"kolla-ansible", "ansible-playbook"})


@contextmanager
def held(configdir: Path, inventory: Path) -> Iterator[int]:
    """Hold the lock; its file descriptor is for whatever has to hold it on if this program is killed.

    Raises:
        CloudError: another run holds it, or somebody runs Kolla-Ansible on the same files by hand.
    """
    path = configdir / NAME
    with path.open("a+", encoding="utf-8") as file:
        _take(file, configdir)
        other = by_hand(configdir, inventory)
        if other is not None:
            raise CloudError(
                f"{other[1]} (pid {other[0]}) is running with {configdir} or {inventory}; wait until it has ended,"
                " then run this again"
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file.fileno()


def _take(file: TextIO, configdir: Path) -> None:
    deadline = time.monotonic() + LEFT_OVER_S
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip()
            # What a killed run left is being stopped by its process reaper, which holds the lock until then.
            if (owner.isdigit() and psutil.pid_exists(int(owner))) or time.monotonic() > deadline:
                raise CloudError(
                    f"another run of this program (pid {owner or 'unknown'}) is deploying with {configdir}; wait until"
                    " it has ended, then run this again"
                ) from None
            time.sleep(0.1)


def by_hand(configdir: Path, inventory: Path) -> tuple[int, str] | None:
    """The process id and name of a Kolla-Ansible that runs with the same configuration or inventory."""
    ours = {str(inventory), str(configdir), f"CONFIG_DIR={configdir}", f"--configdir={configdir}"}
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        # The first word is the interpreter where a script runs.
        program = next((name for word in words[:2] if (name := PurePath(word).name) in PROGRAMS), None)
        if program and any(word.rstrip("/") in ours for word in words):
            return process.pid, program
    return None
