"""So many operations a second for each OSD, as a disk of its own would give: by cgroups' `blkio`, on the disk that all share.

A write of 4 KiB by a client is eight operations of each OSD that stores it, a copy of 4 MiB about 70.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from clients.errors import CloudError
from lab import settings
from lab.services.ceph_configuration import osd_folder
from lab.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

BLKIO = Path("/sys/fs/cgroup/blkio")


@contextmanager
def limited(osds: Collection[int], iops: int) -> Iterator[None]:
    """Reads and writes each have this limit while the ``with`` lasts; 0 for none.

    Raises:
        CloudError: this machine has no such cgroups.
    """
    if not iops:
        yield
        return
    if not BLKIO.joinpath("blkio.throttle.write_iops_device").exists():
        raise CloudError("this machine has no blkio cgroups of version 1: give --iops 0")
    lab = settings.load()
    states = Supervisor(lab).states()
    groups = []
    try:
        for osd in osds:
            device = (osd_folder(lab, osd) / "block").stat().st_dev
            group = BLKIO / f"bench-expansion-{lab.address}-osd.{osd}"
            group.mkdir(exist_ok=True)
            groups.append(group)
            for kind in ("read", "write"):
                limit = f"{os.major(device)}:{os.minor(device)} {iops}"
                (group / f"blkio.throttle.{kind}_iops_device").write_text(limit, encoding="ascii")
            (group / "cgroup.procs").write_text(str(states[f"ceph-osd.{osd}"]["pid"]), encoding="ascii")
        yield
    finally:
        for group in groups:
            for process in (group / "cgroup.procs").read_text(encoding="ascii").split():
                (BLKIO / "cgroup.procs").write_text(process, encoding="ascii")
            group.rmdir()
