"""OSDs with a disk of their own each: a loop device whose file is in memory, and of so many operations a second.

The limit is a cgroup's `blkio`. A write of 4 KiB by a client is eight operations of each OSD that stores it, a copy of
4 MiB about 70.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from clients.errors import CloudError
from lab.own_ceph import Osds
from lab.settings import OSD_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of the bench's own in it
BLKIO = Path("/sys/fs/cgroup/blkio")
OPTIONS: Mapping[str, Mapping[str, object]] = {"osd": {"osd objectstore": "bluestore"}}


class OsdsOnDisks(Osds):
    """OSDs on such disks; reads and writes of each are limited to `iops`, 0 for no limit.

    Raises:
        CloudError: this machine has no such cgroups.
    """

    def __init__(self, conf: Path, iops: int) -> None:
        super().__init__(conf)
        if iops and not (BLKIO / "blkio.throttle.write_iops_device").exists():
            raise CloudError("this machine has no blkio cgroups of version 1: give --iops 0")
        self._iops = iops
        self._devices: dict[int, Path] = {}
        self._groups: dict[int, Path] = {}

    def prepare(self, number: int) -> None:
        """Make its disk."""
        file = self.folder(number) / "disk"
        with file.open("wb") as made:
            made.truncate(OSD_BYTES)
        attach = ["losetup", "--find", "--show", str(file)]
        device = Path(subprocess.run(attach, check=True, capture_output=True, text=True).stdout.strip())
        self._devices[number] = device
        # Ceph's defaults for a disk that turns, as for the lab's other OSDs.
        Path("/sys/block", device.name, "queue", "rotational").write_text("1", encoding="ascii")
        (self.folder(number) / "block").symlink_to(device)

    def start(self, number: int) -> None:
        """Start one, and limit it."""
        super().start(number)
        if not self._iops:
            return
        device = self._devices[number].stat().st_rdev
        group = self._groups[number] = BLKIO / f"bench-expansion-{os.getpid()}-osd.{number}"
        group.mkdir(exist_ok=True)
        for kind in ("read", "write"):
            limit = f"{os.major(device)}:{os.minor(device)} {self._iops}"
            (group / f"blkio.throttle.{kind}_iops_device").write_text(limit, encoding="ascii")
        (group / "cgroup.procs").write_text(str(self.running[number].pid), encoding="ascii")

    def end(self) -> None:
        """Stop all; the disks are gone then."""
        try:
            super().end()
        finally:
            for group in self._groups.values():
                group.rmdir()
            for device in self._devices.values():
                subprocess.run(["losetup", "--detach", str(device)], check=True)
