"""What no single host can know: what two of them claim, and what the rest of the stack file must give them."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from config.errors.issues import KeyPath, ValidationIssue, nearest
from config.host import BareMetalHostSpec
from config.management import ManagementSpec
from config.settings import Settings
from config.subnet import host_address_problem


def host_problems(settings: Settings, raw: Mapping[str, Any]) -> Iterator[ValidationIssue]:
    """Conflicts between hosts of SETTINGS, and with what else it holds; RAW is the whole file."""
    if not settings.hosts:
        return
    yield from _missing_sections(settings, raw)
    yield from _claimed_twice(settings)
    for index, host in enumerate(settings.hosts):
        if settings.management:
            yield from _address(("hosts", index), host, settings.management)
        yield from _vlans(("hosts", index), host, settings, readable=_vlans_readable(raw))
        if host.image_of(settings.host_image) is None and not _given(raw, "host_image", "image"):
            yield ValidationIssue(
                ("hosts", index, "os"),
                "it is missing, and host_image has no image for all; give {image} here, or image there",
            )
    trunked = settings.trunked_vlans
    if trunked and not settings.carriers and _vlans_readable(raw):
        vlans = " and ".join(map(str, trunked))
        yield ValidationIssue(
            ("hosts",),
            f"their VLANs {vlans} are on no one physical network, and a host's two links carry one; "
            "drop those of the others",
        )


def _missing_sections(settings: Settings, raw: Mapping[str, Any]) -> Iterator[ValidationIssue]:
    if settings.management is None and "management" not in raw:
        yield ValidationIssue(("management",), "it is missing, and there are hosts; give {vlan, cidr}")
    if settings.kolla is None:
        if "kolla" not in raw:
            yield ValidationIssue(("kolla",), "it is missing, and there are hosts; give {inventory, ssh}")
        return
    if settings.kolla.ssh is None and not _given(raw, "kolla", "ssh"):
        yield ValidationIssue(
            ("kolla", "ssh"), "it is missing, and there are hosts; give {user, private_key_file}"
        )
    if settings.kolla.host is not None:
        yield ValidationIssue(
            ("kolla", "host"),
            "hosts are enrolled by a Kolla-Ansible on the machine that runs pulumi; leave host out, and run pulumi "
            f"on {settings.kolla.host.address}",
        )


def _given(raw: Mapping[str, Any], section: str, key: str) -> bool:
    """Whether the file has KEY in SECTION; if its value was refused, that is reported already."""
    return isinstance(raw.get(section), dict) and key in raw[section]


def _claimed_twice(settings: Settings) -> Iterator[ValidationIssue]:
    seen: dict[Hashable, str] = {}

    def claim(where: KeyPath, what: str, key: Hashable, owner: str, right: str) -> Iterator[ValidationIssue]:
        if key in seen:
            yield ValidationIssue(where, f"{what} is that of host {seen[key]!r} already; {right}")
        seen.setdefault(key, owner)

    for index, host in enumerate(settings.hosts):
        here: KeyPath = ("hosts", index)
        name = f"name {host.name!r}"
        yield from claim((*here, "name"), name, ("name", host.name), host.name, "rename or drop one")
        address = f"address {host.address}"
        yield from claim((*here, "address"), address, host.address, host.name, "give each its own")
        disks: list[tuple[KeyPath, str]] = [(("install_disk",), host.install_disk)]
        disks += [(("osd_disks", number), disk) for number, disk in enumerate(host.osd_disks)]
        for key, disk in disks:
            if disk.startswith("/dev/disk/by-id/"):  # one by its path is in the same place of many machines
                right = "such a name is one disk's in the world, so look again"
                yield from claim((*here, *key), f"disk {disk!r}", ("disk", disk), host.name, right)


def _address(
    where: KeyPath, host: BareMetalHostSpec, management: ManagementSpec
) -> Iterator[ValidationIssue]:
    # Pools of networks need no look: no subnet may overlap management.cidr.
    there = (*where, "address")
    problem = host_address_problem("address", host.address, management.cidr)
    if problem:
        yield ValidationIssue(there, f"{problem}; it is the management VLAN's")
    elif host.address == management.gateway:
        yield ValidationIssue(
            there, f"{host.address} is the management VLAN's gateway; give the host its own"
        )
    for name, address in management.addresses.items():
        if address == host.address:
            yield ValidationIssue(
                there,
                f"{address} is that of {name!r} in management.addresses; drop it there, or give another",
            )


def _vlans_readable(raw: Mapping[str, Any]) -> bool:
    """Whether every VLAN of the networks in RAW is known."""
    try:
        segments = [segment for network in raw.get("networks", ()) for segment in network["segments"]]
        return all(
            isinstance(segment["vlan"], int) and isinstance(segment["physical_network"], str)
            for segment in segments
        )
    except (TypeError, KeyError):
        return False


def _vlans(
    where: KeyPath, host: BareMetalHostSpec, settings: Settings, *, readable: bool
) -> Iterator[ValidationIssue]:
    known = {segment.vlan for network in settings.networks for segment in network.segments}
    for number, vlan in enumerate(host.vlans):
        there = (*where, "vlans", number)
        if settings.management and vlan == settings.management.vlan:
            yield ValidationIssue(
                there, f"VLAN {vlan} is the management VLAN, which every host has; drop it here"
            )
        elif vlan not in known and readable:
            near = nearest(str(vlan), map(str, known)).replace("'", "")
            hint = near or "; declare a network with it, or drop it"
            yield ValidationIssue(there, f"VLAN {vlan} is no network's{hint}")
