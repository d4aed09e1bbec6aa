"""Whether a host is what the stack declares: each point that is not, as one sentence."""

from collections.abc import Collection, Iterator

from dynamic_providers.kolla_host import switch
from dynamic_providers.kolla_host.declared import KollaHostArgs
from dynamic_providers.kolla_host.probe import Disk, Found, Osd

_GIB = 1 << 30


def unmet(
    host: KollaHostArgs, found: Found, checked_disks: Collection[str], *, links: bool = True
) -> list[str]:
    """Every point that is not as declared; none where the host is fit.

    CHECKED_DISKS, by path, may have anything on them: they were clean once, and Ceph has had them. LINKS is whether
    these are looked at: not where the host's network is about to be changed.
    """
    return [
        *_host(host, found),
        *(_links(host, found) if links else ()),
        *_disks(host, found, checked_disks),
    ]


def _host(host: KollaHostArgs, found: Found) -> Iterator[str]:
    called = found.nodename.partition(".")[0]
    if called != host.name:  # Nova, Neutron and Ceph know a host by what it calls itself
        yield (
            f"it calls itself {called}, not {host.name}: correct the address if that is another host; if it was renamed,"
            f" take {called} out of the stack first and install it as {host.name}"
        )
    if found.engine is None:
        yield (
            f"{host.container_engine} does not answer ({found.engine_error}): start it, or correct container_engine"
        )


def _links(host: KollaHostArgs, found: Found) -> Iterator[str]:
    if found.switch is None:
        yield f"Open vSwitch does not answer ({found.switch_error}): install it from the host image, which has it"
        return
    for problem in switch.problems(found.switch, host.links, host.vlans):
        yield (
            f"{problem}: correct its links and vlans in the stack file, or look why the host did not make them from"
            " /etc/private-cloud/network.json, then `systemctl restart host-network` there"
        )


def _disks(host: KollaHostArgs, found: Found, checked_disks: Collection[str]) -> Iterator[str]:
    paths_by_device: dict[str, str] = {}
    for path in sorted(set(host.osd_disks)):
        disk = found.disks[path]
        if isinstance(disk, str):
            yield f"disk {path} cannot be read ({disk}): correct osd_disks, or look whether it has failed"
            continue
        other = paths_by_device.setdefault(disk.device, path)
        if other != path:
            yield f"disks {other} and {path} are the same disk, {disk.device}: leave one out"
        elif path not in checked_disks and (why := _not_clean(disk)):
            yield f"disk {path} ({disk.device}, {disk.size / _GIB:.1f} GiB) {why}"


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
