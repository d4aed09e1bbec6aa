"""How many servers of lab-qemu are well, looked up on the machine itself: no way pays for it with a request."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Self

from lab.qemu import compute, libvirt

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

    from lab.settings import Lab

PERIOD_S = 0.5
_BOOT = re.compile(rb"ready image=\S+ boot=(\S+)")


def boots(lab: Lab) -> set[str]:
    """The boots of the servers that run and have said on their console that they are ready."""
    command = ["virsh", "--quiet", "--connect", libvirt.uri(lab), "list", "--uuid", "--state-running"]
    running = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    found = set()
    for server in running:
        console = compute.folder(lab) / "instances" / server / "console.log"
        if console.exists() and (said := _BOOT.findall(console.read_bytes())):
            found.add(said[-1].decode())
    return found


class Watch:
    """Counts the seconds that servers are away, and waits until all are well in a new boot.

    Args:
        lab: whose servers.
        before: the boots that there were before.
    """

    def __init__(self, lab: Lab, before: Collection[str]) -> None:
        self.away_s = 0.0
        self._lab, self._before = lab, frozenset(before)
        self._anew = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def wait(self, seconds: float) -> None:
        """Return when all are well again, each in a boot that there was not before.

        Raises:
            TimeoutError: that took longer.
        """
        if not self._anew.wait(seconds):
            raise TimeoutError(f"not all servers are well again within {seconds:.0f} s")

    def _look(self) -> None:
        last = time.monotonic()
        while not self._stopped.wait(PERIOD_S):
            found, now = boots(self._lab), time.monotonic()
            self.away_s += (len(self._before) - min(len(found), len(self._before))) * (now - last)
            last = now
            if len(found) == len(self._before) and not found & self._before:
                self._anew.set()
                return
