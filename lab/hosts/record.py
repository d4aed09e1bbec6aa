"""hosts.json, the description of the simulated hosts for programs; and the hosts' SSH keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.hosts import keys
from lab.hosts.daemon import known_hosts
from lab.hosts.host import LINKS, PORT, USER, SimulatedHost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.settings import Lab

BY_ID = "/dev/disk/by-id"


def path(lab: Lab) -> Path:
    """Where the record is, by a name that stays valid while the lab is down."""
    return lab.folder / "etc" / "hosts.json"


def row(host: SimulatedHost) -> dict[str, object]:
    """Describe one host."""
    return {
        "name": host.name,
        "address": host.address,
        "port": PORT,
        "user": USER,
        "private_key_file": str(host.lab.folder / "etc" / "hosts" / keys.login_key(host.lab).name),
        "host_key": keys.public(keys.host_key(host)),
        "links": list(LINKS),
        "osd_disks": [f"{BY_ID}/{name}" for name in host.osd_disks],
        "install_disk": f"{BY_ID}/{host.install_disk}",
    }


def write(lab: Lab, hosts: Sequence[SimulatedHost]) -> None:
    """Write hosts.json and known_hosts."""
    path(lab).write_text(json.dumps([row(host) for host in hosts], indent=2) + "\n")
    lines = [f"{host.address} {keys.public(keys.host_key(host))}\n" for host in hosts]
    known_hosts(lab).write_text("".join(lines))
