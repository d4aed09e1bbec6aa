"""Checks before `up` starts anything; each finding is one sentence that says what to do."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from lab import packages
from lab.hosts import count
from lab.hosts import preflight as hosts
from lab.settings import LabError
from toolchain.packages import missing
from toolchain.venv import PYTHON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.daemon import Daemon
    from lab.settings import Lab

GIB = 1024**3
DISK_FRESH = 20 * GIB  # services, three OSDs with a few images, the bootable image and its making
DISK_MADE = 3 * GIB
MEMORY = 8 * GIB  # measured: the idle lab takes 5 GiB, coming up 6; OSDs may grow to 0.9 GiB each


def free_memory() -> int:
    """Bytes a new process could get without swapping."""
    import psutil  # noqa: PLC0415 - `install` runs without it

    return int(psutil.virtual_memory().available)


def listener(address: str, port: int) -> str:
    """Name the process that listens on a port, as far as the kernel tells."""
    import psutil  # noqa: PLC0415 - `install` runs without it

    for found in psutil.net_connections("tcp"):
        listens = found.status == psutil.CONN_LISTEN and found.laddr.port == port
        if listens and found.pid and found.laddr.ip in (address, "0.0.0.0", "::"):  # noqa: S104 - looked for
            with suppress(psutil.NoSuchProcess):
                return f"{psutil.Process(found.pid).name()} (process {found.pid})"
    return f"something that listens on {address}:{port}"


def is_free(address: str, port: int) -> bool:
    """Whether a daemon could bind here."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def ports(lab: Lab, daemons: Sequence[Daemon], running: Mapping[str, object]) -> list[str]:
    """Find ports that somebody else has taken."""
    return [
        f"Port {port} on {lab.address}, which {daemon.name} needs, is taken by {listener(lab.address, port)}: "
        f"stop that, or run the lab elsewhere with LAB_ADDRESS=127.0.0.2."
        for daemon in daemons
        if daemon.name not in running
        for port in daemon.ports
        if not is_free(lab.address, port)
    ]


def capacity(lab: Lab, *, running: bool, memory: int | None = None, disk: int | None = None) -> list[str]:
    """Find too little disk or memory; `memory` and `disk` in bytes stand in for the machine's."""
    found = []
    fresh = not (lab.data / "ceph" / "mon.made").exists()
    number = count.recorded(lab)
    wanted = (DISK_FRESH if fresh else DISK_MADE) + (hosts.DISK * (number + 1) if number else 0)
    free = shutil.disk_usage(lab.folder).free if disk is None else disk
    if free < wanted:
        found.append(
            f"The lab needs {wanted / GIB:.0f} GiB of free disk under {lab.folder}, and there are "
            f"{free / GIB:.1f} GiB: make room, or move the checkout to a larger disk.",
        )
    available = free_memory() if memory is None else memory
    needed = MEMORY + number * hosts.MEMORY
    if not running and available < needed:
        found.append(
            f"The lab needs {needed / GIB:.3g} GiB of available memory, and there are {available / GIB:.1f} GiB: "
            "end something, or use a larger machine.",
        )
    return found


def installed(lab: Lab) -> list[str]:
    """Find missing packages."""
    found = []
    if names := missing(packages.PACKAGES):
        explained = ", ".join(f"{name} ({packages.PACKAGES[name]})" for name in names)
        found.append(f"Missing from Debian: {explained}: run `{PYTHON} -m lab install`.")
    if not packages.venv_is_current(lab):
        found.append(f"The services' environment is missing or outdated: run `{PYTHON} -m lab install`.")
    return found


def root() -> list[str]:
    """Find that we are not root."""
    if os.geteuid() == 0:
        return []
    return ["The lab installs packages and runs daemons: run it as root (sudo)."]


def check(lab: Lab, daemons: Sequence[Daemon], running: Mapping[str, object]) -> None:
    """Check everything there is to check.

    Args:
        lab: The lab that is about to come up.
        daemons: What is going to run.
        running: The lab's daemons that run already, by name: their ports are theirs.

    Raises:
        LabError: Something is amiss; one line a finding.
    """
    found = root() + installed(lab) + capacity(lab, running=bool(running)) + ports(lab, daemons, running)
    found += hosts.check(lab)
    if found:
        raise LabError("\n".join(found))
