"""The compute host lab-qemu: its names, addresses and folders."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.hosts.host import MANAGEMENT_VLAN
from lab.settings import VLAN_RANGE, ZONE_BY_HINT

if TYPE_CHECKING:
    from pathlib import Path

    from lab.settings import Lab

NAME = "lab-qemu"  # what Nova and Neutron call it
# Servers run here only if their flavor says `trait:CUSTOM_QEMU=required`, and networks get their DHCP here only if they
# ask for this availability zone: whoever does not ask gets the fakes, which cost nothing.
TRAIT = "CUSTOM_QEMU"
ZONE = ZONE_BY_HINT


@dataclass(frozen=True)
class QemuHost:
    """The one such host of a lab."""

    lab: Lab

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return f"lab-{self.lab.digest}-qemu"

    @property
    def cgroup(self) -> str:
        """Its control group: whatever runs on it, guests that have outlived their libvirtd too."""
        return self.namespace

    @property
    def kept(self) -> Path:
        """Where files keep its mount and UTS namespaces, `mnt` and `uts`; `namespaces.py` makes them."""
        return self.folder / "namespaces"

    @property
    def folder(self) -> Path:
        """Where its sockets and namespaces are."""
        return self.lab.run / "qemu"

    @property
    def open_vswitch(self) -> Path:
        """Where its Open vSwitch has its database and sockets."""
        return self.folder / "openvswitch"

    @property
    def address(self) -> str:
        """Its management address, which its bond carries."""
        return self.lab.host_address(0)

    @property
    def trunk(self) -> tuple[int, ...]:
        """The VLANs that the switches carry to it: its management's, and all that networks may have."""
        first, last = VLAN_RANGE
        return tuple(sorted({MANAGEMENT_VLAN, *range(first, last + 1)}))

    @property
    def services_link(self) -> str:
        """The machine's end of the link by which it reaches the lab's services; 15 characters at most."""
        return f"lab-{self.lab.digest}-q"

    @property
    def services_network(self) -> ipaddress.IPv4Network:
        """The two ends' addresses, out of the half of RFC 2544's range that the simulated hosts do not use."""
        return ipaddress.IPv4Network(f"198.19.{self.lab.address.rpartition('.')[2]}.0/30")

    def switch_port(self, link: str) -> str:
        """Return the name of the link's other end, in the switches' namespace."""
        return f"q-{link}"
