"""Hosts: how each is cabled, what it does in the cloud, and which system it boots."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from config.errors.issues import invalid
from config.fields import (
    HostName,
    ImageReference,
    InterfaceName,
    IpAddress,
    Mtu,
    Name,
    PublicSshKey,
    VlanId,
    each_once,
)
from config.spec import Problems, Spec, checking


class HostImageSpec(Spec, nothing="base"):
    """The immutable system of the hosts; `make host-image` builds it from the folder host_image."""

    base: ImageReference = Field(
        "quay.io/centos-bootc/centos-bootc:stream10",
        description="the bootc image it is built from: one of CentOS Stream or what is compatible with it",
    )
    image: ImageReference | None = Field(
        None,
        description="the image that hosts boot which name none, such as 'registry.corp.example/host:2026.47'",
    )
    nameservers: tuple[IpAddress, ...] = Field(
        (), description="a list of the addresses of the hosts' name servers; part of the kickstart"
    )
    mtu: Mtu = Field(1500, description="the MTU of the hosts' links and management port, in bytes")


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


class BareMetalHostSpec(Spec, replaced="name"):
    """A host: how it is cabled, what it does in the cloud, and which system it boots."""

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

    @checking("name")
    def _means_no_group(cls, name: str, _info: ValidationInfo) -> Problems:
        if name in _TAKEN_NAMES:
            yield f"{name!r} is a group's name in Kolla's inventory; give one such as '{name}-1'"

    @checking("roles")
    def _has_roles(cls, roles: tuple[Role, ...], _info: ValidationInfo) -> Problems:
        if not roles:
            yield "a host needs a role; give one or more, such as [compute]"

    @checking("links")
    def _are_two_different_ones(cls, links: tuple[str, ...], _info: ValidationInfo) -> Problems:
        if len(links) != LINKS:
            yield f"a host has two links, and here it has {len(links)}; give two, such as [eno1, eno2]"

    @checking("osd_disks")
    def _are_a_storage_hosts_own(cls, disks: tuple[str, ...], info: ValidationInfo) -> Problems:
        roles: tuple[Role, ...] = info.data.get("roles", ())
        if disks and roles and "storage" not in roles:
            yield "OSDs need the role storage; add it to roles, or drop the disks"
            return
        if not disks and "storage" in roles:
            yield "the role storage needs at least one disk for an OSD; give osd_disks, or drop the role"
        for index, disk in enumerate(disks):
            if disk == info.data.get("install_disk"):
                yield (index,), f"{disk!r} is its install_disk; give the disks that data may have"

    def image_of(self, stack: HostImageSpec) -> str | None:
        """The image that it boots: its own, or the STACK's."""
        return self.os.image if self.os else stack.image


class HostOsSpec(Spec, nothing="on_failure wait may_interrupt"):
    """How hosts are brought to another OS image: one at a time, and no further than the first failure."""

    on_failure: Literal["rollback", "stop"] = Field(
        "rollback",
        description="'rollback' or 'stop': whether a host whose containers are not as well on another image as "
        "before goes back to the former one, or is left so",
    )
    wait: int = Field(
        900,
        gt=0,
        description="seconds that a host may take to restart, and as many again for its containers",
    )
    may_interrupt: tuple[Literal["control-plane", "instances"], ...] = Field(
        (),
        description="what a restart may interrupt: 'instances' that run on the host; 'control-plane', where there "
        "are fewer than three control hosts",
    )
