"""Hosts: how each is cabled, what it does in the cloud, and which system it boots."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from config.errors.issues import ValidationIssues, invalid
from config.fields import (
    HostName,
    ImageReference,
    InterfaceName,
    IpAddress,
    Name,
    PublicSshKey,
    VlanId,
    each_once,
)
from config.host_image import HostImageSpec
from config.spec import Effects, Spec, changing

Role = Literal["control", "network", "compute", "storage", "monitoring"]
"""What a host does: Kolla's own groups, by their names."""

LINKS = 2

_STABLE_DISK = re.compile(r"/dev/disk/by-(id|path)/[A-Za-z0-9@:._+=-]+")
_PARTITION = re.compile(r".*-part\d+")
# They mean something else in an inventory: Kolla's groups of hosts, and Ansible's own names.
_TAKEN_NAMES = frozenset(
    {"all", "ungrouped", "localhost", "baremetal", "deployment", "common", "tls-backend"}
    | {"control", "network", "compute", "storage", "monitoring", "loadbalancer"}
)


def _disk(path: str) -> str:
    if not _STABLE_DISK.fullmatch(path):
        raise invalid(
            f"{path!r} may be another disk after the next boot; give its name in /dev/disk/by-id, "
            "such as '/dev/disk/by-id/wwn-0x5000c500a1b2c3d4', as `ls -l /dev/disk/by-id` shows it"
        )
    if _PARTITION.fullmatch(path):
        raise invalid(f"{path!r} is a partition; give the whole disk, {path.rpartition('-part')[0]!r}")
    return path


Disk = Annotated[str, AfterValidator(_disk)]


class BootedImageSpec(Spec):
    """The operating system of a host: an image that bootc boots."""

    image: ImageReference = Field(
        description="the image's reference with its tag or digest, such as 'registry.corp.example/host:2026.47'"
    )
    serial: int = Field(
        1, description="a number; another one fetches anew what the same tag names by now, and boots that"
    )


class BareMetalHostSpec(Spec):
    """A host: how it is cabled, what it does in the cloud, and which system it boots."""

    effects: ClassVar[Effects] = changing(replaced="name")

    name: HostName = Field(description="the host's name, without a domain, unique among this program's hosts")
    address: IpAddress = Field(description="its address on the management VLAN, inside management.cidr")
    roles: Annotated[tuple[Role, ...], each_once("role")] = Field(
        description="a list of 'control', 'network', 'compute', 'storage', 'monitoring': what it does"
    )
    links: Annotated[tuple[InterfaceName, ...], each_once("link")] = Field(
        description="a list of the two network interfaces that are bonded, such as [eno1, eno2]"
    )
    bond_mode: Literal["active-backup", "balance-slb"] = Field(
        "active-backup", description="'active-backup' or 'balance-slb': how Open vSwitch uses its two links"
    )
    vlans: Annotated[tuple[VlanId, ...], each_once("VLAN")] = Field(
        (),
        description="a list of the VLANs trunked to it besides the management VLAN, each of some network here",
    )
    install_disk: Disk = Field(
        description="the disk the kickstart installs the system on, such as '/dev/disk/by-id/wwn-0x5000c500a1b2c3d4'"
    )
    osd_disks: Annotated[tuple[Disk, ...], each_once("disk")] = Field(
        (),
        validate_default=True,
        description="a list of the disks for Ceph's OSDs, such as '/dev/disk/by-id/…'; for storage only",
    )
    os: BootedImageSpec | None = Field(None, description="{image}; left out, the stack's host_image")
    labels: dict[Name, str] = Field(
        default_factory=dict, description="a map of your own words about it, such as rack: rack-1"
    )
    host_key: PublicSshKey | None = Field(
        None,
        description="its public SSH key, such as 'ssh-ed25519 AAAA…'; left out, the first that is seen is kept",
    )
    removal: Literal["refuse", "drain"] = Field(
        "refuse",
        description="'refuse' or 'drain': what its removal does while servers, routers or data are on it",
    )

    @field_validator("name")
    @classmethod
    def _means_no_group(cls, name: str) -> str:
        if name in _TAKEN_NAMES:
            raise invalid(f"{name!r} is a group's name in Kolla's inventory; give one such as '{name}-1'")
        return name

    @field_validator("roles")
    @classmethod
    def _has_roles(cls, roles: tuple[Role, ...]) -> tuple[Role, ...]:
        if not roles:
            raise invalid("a host needs a role; give one or more, such as [compute]")
        return roles

    @field_validator("links")
    @classmethod
    def _are_two_different_ones(cls, links: tuple[str, ...]) -> tuple[str, ...]:
        if len(links) != LINKS:
            raise invalid(
                f"a host has two links, and here it has {len(links)}; give two, such as [eno1, eno2]"
            )
        return links

    @field_validator("osd_disks")
    @classmethod
    def _are_a_storage_hosts_own(cls, disks: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        roles: tuple[Role, ...] = info.data.get("roles", ())
        if disks and roles and "storage" not in roles:
            raise invalid("OSDs need the role storage; add it to roles, or drop the disks")
        issues = ValidationIssues()
        for index, disk in enumerate(disks):
            if disk == info.data.get("install_disk"):
                issues.add((index,), f"{disk!r} is its install_disk; give the disks that data may have")
        issues.raise_if_any()
        return disks

    @field_validator("osd_disks")
    @classmethod
    def _storage_has_some(cls, disks: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not disks and "storage" in info.data.get("roles", ()):
            raise invalid(
                "the role storage needs at least one disk for an OSD; give osd_disks, or drop the role"
            )
        return disks

    def image_of(self, stack: HostImageSpec) -> str | None:
        """The image that it boots: its own, or the STACK's."""
        return self.os.image if self.os else stack.image
