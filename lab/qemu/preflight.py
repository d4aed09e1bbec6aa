"""What a machine must have for lab-qemu; where it has not, the rest of the lab works without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import control_groups
from lab.hosts import preflight as hosts

if TYPE_CHECKING:
    from lab.settings import Lab

SETTINGS = Path("/proc/sys/net/ipv4/conf")


def lacking(lab: Lab, *, tun: Path = hosts.TUN, settings: Path = SETTINGS) -> str | None:
    """Say in one sentence what keeps this machine from having lab-qemu, or None if nothing does."""
    reason = None
    if not tun.exists():
        reason = (
            f"its Open vSwitch needs {tun}, which is not there: `modprobe tun`, or give it to this container"
        )
    elif control_groups.hierarchy() is None:
        reason = "it needs control groups of version 2: mount cgroup2"
    elif not os.access(settings / "all" / "route_localnet", os.W_OK):
        reason = f"it reaches the lab's services by a setting of its link, and {settings} is read-only here"
    elif (holder := hosts.other_holder(lab)) is not None:
        reason = f"interface {holder} has an address in {lab.host_network}, which is its network"
    return f"The lab has no compute host lab-qemu, so no server really runs: {reason}." if reason else None
