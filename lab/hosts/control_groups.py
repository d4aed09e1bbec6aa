"""The simulated hosts' control groups: in the one hierarchy of version 2, wherever this machine has it mounted."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import psutil

SECONDS = 10.0  # a control group is busy until its last process is reaped


def hierarchy() -> Path | None:
    """Return where the hierarchy of version 2 is mounted."""
    mounts = psutil.disk_partitions(all=True)
    return next((Path(one.mountpoint) for one in mounts if one.fstype == "cgroup2"), None)


def named(prefix: str) -> list[Path]:
    """List the control groups whose names begin so."""
    top = hierarchy()
    return [path for path in top.glob(f"{prefix}*") if path.is_dir()] if top else []


def processes(name: str) -> list[int]:
    """List the ids of all processes in a control group and below."""
    found = []
    for group in named(name):
        for listing in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):  # one that has ended since
                found += [int(pid) for pid in listing.read_text().split()]
    return found


def end(prefix: str) -> None:
    """Kill what is left in control groups (a killed systemd-nspawn leaves a whole host), and remove them."""
    for group in named(prefix):
        (group / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + SECONDS
        while group.exists() and time.monotonic() < deadline:
            for path, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(path).rmdir()
            if group.exists():
                time.sleep(0.1)
