"""The lab's Ceph daemons, killed or stopped by a test, and healthy again afterwards."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from lab.daemon import UnhealthyError
from lab.services import ceph
from lab.settings import OSD_COUNT, Lab
from lab.supervisor import Supervisor

MON = "ceph-mon"
COMPLAINTS = ("osds down", "degraded", "slow ops", "inactive", "full")
"""What stops writes. Slow heartbeats do not, and Ceph tells of them for a quarter of an hour."""
OSDS = tuple(f"ceph-osd.{number}" for number in range(OSD_COUNT))


def pid(lab: Lab, name: str) -> int:
    """The daemon's process id; 0 while it is being started again."""
    return int(Supervisor(lab).states()[name]["pid"])


def kill(lab: Lab, name: str) -> int:
    """SIGKILL; the lab's supervisor starts it again. The process id that it had."""
    found = pid(lab, name)
    os.kill(found, signal.SIGKILL)
    return found


def stop(pid_: int) -> None:
    """A daemon that holds its connections and answers nothing, until `go_on`."""
    os.kill(pid_, signal.SIGSTOP)


def wait_until_healthy(lab: Lab, not_as: dict[str, int]) -> None:
    """Until every daemon of NOT_AS runs as another process, and no placement group waits or lacks a copy."""
    wait_for(lambda: is_healthy(lab, not_as))


def wait_for(condition: Callable[[], bool]) -> None:
    """Until CONDITION holds."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(1)


@contextmanager
def stopped(lab: Lab, *names: str) -> Iterator[None]:
    """Daemons that answer nothing until the `with` ends."""
    pids = [pid(lab, name) for name in names]
    try:
        for found in pids:
            stop(found)
        yield
    finally:
        go_on(lab, *names)


def go_on(lab: Lab, *names: str) -> None:
    """Ends what SIGSTOP began; a daemon that runs takes no notice."""
    for name in names:
        os.kill(pid(lab, name), signal.SIGCONT)
    wait_until_healthy(lab, {})


def is_healthy(lab: Lab, not_as: dict[str, int]) -> bool:
    """Whether every daemon of NOT_AS runs as another process, and Ceph complains of nothing that stops writes."""
    if any(pid(lab, name) in (0, former) for name, former in not_as.items()):
        return False
    with suppress(UnhealthyError):
        for number in range(OSD_COUNT):
            ceph.osd_health(lab, number)
        found = ceph.monitor_health(lab)
        return not any(word in found for word in COMPLAINTS)
    return False
