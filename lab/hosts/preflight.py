"""What a machine must have for simulated hosts; each finding is one sentence that says what to do."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import count, fabric

if TYPE_CHECKING:
    from lab.settings import Lab

FILE_SYSTEMS = Path("/proc/filesystems")
TUN = Path("/dev/net/tun")
# Measured: 0.1 GiB idle, and each of Kolla's containers takes a few MiB more, be they fake images.
MEMORY = 512 * 1024**2  # bytes a host
DISK = 1024**3  # bytes a host, and as much for the root they share


def check(lab: Lab, *, file_systems: Path = FILE_SYSTEMS, tun: Path = TUN) -> list[str]:
    """Find what keeps this machine from simulating hosts; nothing where none are wanted."""
    if not count.recorded(lab):
        return []
    found = []
    if "overlay" not in file_systems.read_text().split():
        found.append(
            "Simulated hosts share one root through overlayfs, which this machine's kernel lacks: "
            "`modprobe overlay`, or bring the lab up with `--hosts 0`."
        )
    if not tun.exists():
        found.append(
            f"Simulated hosts' Open vSwitch needs {tun}, which is not there: `modprobe tun`, give it to this "
            "container, or bring the lab up with `--hosts 0`."
        )
    if (holder := other_holder(lab)) is not None:
        found.append(
            f"Interface {holder} has an address in {lab.host_network}, the simulated hosts' network: "
            "another lab with the same last number in LAB_ADDRESS? Bring that one down, or choose another."
        )
    return found


def other_holder(lab: Lab) -> str | None:
    """Name an interface that is not this lab's and has an address in its hosts' network."""
    shown = subprocess.run(["ip", "-json", "address", "show"], capture_output=True, text=True, check=False)
    for interface in json.loads(shown.stdout or "[]"):
        for entry in interface.get("addr_info", []):
            inside = entry["family"] == "inet" and ipaddress.ip_address(entry["local"]) in lab.host_network
            if inside and interface["ifname"] != fabric.machine_link(lab):
                return str(interface["ifname"])
    return None
