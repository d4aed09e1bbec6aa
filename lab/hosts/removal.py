"""Taking away what the kernel keeps of the simulated hosts after their processes have ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import fabric

if TYPE_CHECKING:
    from lab.settings import Lab

HIERARCHIES = Path("/sys/fs/cgroup")
SECONDS = 10.0  # a control group is busy until its last process is reaped


def remove(lab: Lab) -> None:
    """Remove network namespaces with their links, loop devices and control groups of all this lab's hosts."""
    prefix = f"lab-{lab.digest}-"
    if lab_has_none(lab, prefix):
        return
    end_strays(prefix)
    for name in sorted(fabric.namespaces()):
        if name.startswith(prefix):
            subprocess.run(["ip", "netns", "delete", name], check=True, capture_output=True)
    for device in loop_devices(lab):
        subprocess.run(["losetup", "--detach", device], check=True, capture_output=True)
    for group in groups(prefix):
        remove_group(group)


def lab_has_none(lab: Lab, prefix: str) -> bool:
    """Whether there is nothing to remove, also on a machine that lacks the programs."""
    return not groups(prefix) and not (lab.data / "hosts").exists()


def groups(prefix: str) -> list[Path]:
    """List the hosts' control groups, in every hierarchy."""
    return [path for path in HIERARCHIES.glob(f"*/{prefix}host-*") if path.is_dir()]


def end_strays(prefix: str) -> None:
    """Kill what is left in the hosts' control groups; their first process has taken nearly all with it."""
    for group in groups(prefix):
        for listing in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                for pid in listing.read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), 9)


def remove_group(group: Path) -> None:
    """Remove a control group with all below it."""
    deadline = time.monotonic() + SECONDS
    while group.exists() and time.monotonic() < deadline:
        for path, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()
        if group.exists():
            time.sleep(0.1)


def loop_devices(lab: Lab) -> list[str]:
    """List the loop devices behind the hosts' disks."""
    folder = (lab.folder / "data" / "hosts").resolve()
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if Path(backing.read_text().strip()).is_relative_to(folder):
                found.append(f"/dev/{backing.parts[3]}")
    return found
