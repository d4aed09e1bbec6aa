"""One simulated host: its names, its folders, and what it is called at each end of its links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lab.settings import Lab

USER = "kolla"
PORT = 22
LINKS = ("eno1", "eno2")
MANAGEMENT_VLAN = 110
VLANS = (120, 130)  # carried by the switches and the bond besides the management VLAN
MIB = 1024**2
# Sparse files: only what is written takes disk.
OSD_DISKS = {"osd-1": 512 * MIB, "osd-2": 512 * MIB}
INSTALL_DISK = {"install": 1024 * MIB}


@dataclass(frozen=True)
class SimulatedHost:
    """A host of a lab, counted from 1."""

    lab: Lab
    number: int

    @property
    def name(self) -> str:
        """What it calls itself, and its daemon's name."""
        return f"lab-host-{self.number}"

    @property
    def address(self) -> str:
        """Its management address."""
        return self.lab.host_address(self.number)

    @property
    def folder(self) -> Path:
        """What is its own: a layer over the root that all share, what it wrote itself, its disks."""
        return self.lab.data / "hosts" / self.name

    @property
    def layer(self) -> Path:
        """What makes it this host, rendered anew by each `up`; it is put in place when the host boots."""
        return self.folder / "layer"

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return f"lab-{self.lab.digest}-host-{self.number}"

    @property
    def trunk(self) -> tuple[int, ...]:
        """The VLANs that the switches carry to it."""
        return (MANAGEMENT_VLAN, *VLANS)

    @property
    def cgroup(self) -> str:
        """Its control group."""
        return self.namespace

    def switch_port(self, link: str) -> str:
        """Return the name of the link's other end, in the switches' namespace."""
        return f"h{self.number}-{link}"

    @property
    def osd_disks(self) -> tuple[str, ...]:
        """The names in /dev/disk/by-id of the disks that are meant for OSDs."""
        return tuple(f"{self.name}-{disk}" for disk in OSD_DISKS)

    @property
    def install_disk(self) -> str:
        """The name in /dev/disk/by-id of the disk that a kickstart would install to."""
        return f"{self.name}-{next(iter(INSTALL_DISK))}"

    @property
    def disks(self) -> dict[Path, int]:
        """The files behind the disks, each called as its disk, with their sizes in bytes."""
        sizes = OSD_DISKS | INSTALL_DISK
        return {self.folder / "disks" / f"{self.name}-{disk}": size for disk, size in sizes.items()}


def every(lab: Lab, number: int) -> tuple[SimulatedHost, ...]:
    """List the lab's hosts, of which there are `number`."""
    return tuple(SimulatedHost(lab, at + 1) for at in range(number))
