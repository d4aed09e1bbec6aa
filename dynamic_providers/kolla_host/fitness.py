"""Whether a host is what the stack declares: each point that is not, as one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dynamic_providers.kolla_host import switch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dynamic_providers.kolla_host.probe import Disk, Found, Osd

_GIB = 1 << 30


@dataclass(frozen=True)
class Wanted:
    """What a host has to be.

    Attributes:
        name: of the host.
        container_engine: docker or podman.
        links: the two network interfaces of its bond.
        vlans: what its links have to carry, besides the management VLAN.
        clean_disks: paths of disks that nothing may be on.
        used_disks: paths of disks that have to be there, whatever is on them: Ceph has had them already.
    """

    name: str
    container_engine: str
    links: Sequence[str]
    vlans: Sequence[int]
    clean_disks: Collection[str]
    used_disks: Collection[str]


def unmet(wanted: Wanted, found: Found) -> list[str]:
    """Every point that is not as declared; none where the host is fit."""
    return [*_names(wanted, found), *_engine(wanted, found), *_links(wanted, found), *_disks(wanted, found)]


def unmet_besides_links(wanted: Wanted, found: Found) -> list[str]:
    """The same without the links, for a host whose network is about to be changed."""
    return [*_names(wanted, found), *_engine(wanted, found), *_disks(wanted, found)]


def _names(wanted: Wanted, found: Found) -> list[str]:
    called = found.nodename.partition(".")[0]
    if called == wanted.name:
        return []
    # Nova, Neutron and Ceph know a host by what it calls itself.
    return [
        (
            f"it calls itself {called}, not {wanted.name}: correct the address if that is another host; if it was renamed,"
            f" take {called} out of the stack first and install it as {wanted.name}"
        )
    ]


def _engine(wanted: Wanted, found: Found) -> list[str]:
    if found.engine is not None:
        return []
    return [
        f"{wanted.container_engine} does not answer ({found.engine_error}): start it, or correct container_engine"
    ]


def _links(wanted: Wanted, found: Found) -> list[str]:
    if found.switch is None:
        return [
            f"Open vSwitch does not answer ({found.switch_error}): install it from the host image, which has it"
        ]
    return [
        f"{problem}: correct its links and vlans in the stack file, or look why the host did not make them from"
        " /etc/private-cloud/network.json, then `systemctl restart host-network` there"
        for problem in switch.problems(found.switch, wanted.links, wanted.vlans)
    ]


def _disks(wanted: Wanted, found: Found) -> list[str]:
    sentences = []
    paths_by_device: dict[str, str] = {}
    for path in sorted({*wanted.clean_disks, *wanted.used_disks}):
        disk = found.disks[path]
        if isinstance(disk, str):
            sentences.append(
                f"disk {path} cannot be read ({disk}): correct osd_disks, or look whether it has failed"
            )
            continue
        other = paths_by_device.setdefault(disk.device, path)
        if other != path:
            sentences.append(f"disks {other} and {path} are the same disk, {disk.device}: leave one out")
        elif path in wanted.clean_disks and (why := _not_clean(disk)):
            sentences.append(f"disk {path} ({disk.device}, {disk.size / _GIB:.1f} GiB) {why}")
    return sentences


def _not_clean(disk: Disk) -> str | None:
    if disk.osd is not None:
        return (
            f"still carries {_osd(disk.osd)}: if its data is not needed, remove that OSD from its cluster and wipe the"
            " disk (`ceph orch device zap`, or `wipefs --all`)"
        )
    if disk.in_use:
        return "is mounted or part of another device: correct osd_disks, or free it first"
    if disk.signatures:
        return (
            f"is not empty ({', '.join(disk.signatures)}): wipe it if its data is not needed (`wipefs --all`)"
        )
    return None


def _osd(osd: Osd) -> str:
    name = f"osd.{osd.id}" if osd.id else "an OSD"
    return (
        name
        + (f" ({osd.uuid})" if osd.uuid else "")
        + (f" of the Ceph cluster {osd.cluster}" if osd.cluster else " of a Ceph cluster it does not name")
    )
