"""A host's way into the inventory: its kickstart, its key, a look at it, and last its inventory file.

An unfit host is never in the inventory, and every step can be run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clients import host_keys, ssh
from clients.errors import CloudError
from clients.progress import tell
from dynamic_providers.kolla_host import fitness, inventory, made_files, network, probe, switch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Host:
    """What is declared of a host.

    Attributes:
        entry: its place in the inventory, and how it is reached.
        folder: of the inventory.
        host_key: the public key that it has to have; None to trust the first one seen.
        kickstart: the text it is installed by.
        kickstart_file: where that is written.
        links: the two network interfaces of its bond.
        vlans: what these have to carry.
        network: the text of its network.json; None leaves the one it has.
        osd_disks: paths of the disks for Ceph.
    """

    entry: inventory.Entry
    folder: Path
    host_key: str | None
    kickstart: str
    kickstart_file: Path
    links: Sequence[str]
    vlans: Sequence[int]
    network: str | None
    osd_disks: Sequence[str]

    @property
    def name(self) -> str:
        """Its name."""
        return self.entry.ssh.name

    @property
    def inventory_file(self) -> Path:
        """Its own file in the inventory."""
        return inventory.file_of(self.folder, self.name)

    @property
    def files(self) -> list[Path]:
        """All that is written for it."""
        return [self.kickstart_file, self.entry.ssh.known_hosts_file, self.inventory_file]


def require_place(host: Host, made: Collection[Path] = ()) -> None:
    """Refuse, before anything is touched, what would mix this host with another or with somebody's own files.

    Args:
        host: what is declared.
        made: files that are ours by what the state says, whatever is in them.

    Raises:
        CloudError: see `inventory.require_free` and `made_files.require_ours`.
    """
    inventory.require_free(host.folder, host.name, host.entry.ssh.address)
    for path in host.files:
        if path not in made:
            made_files.require_ours(path)


def rivals(host: Host, made: Collection[Path]) -> list[str]:
    """What `require_place` would refuse, as sentences."""
    try:
        require_place(host, made)
    except CloudError as error:
        return [str(error)]
    return []


def write_kickstart(host: Host) -> None:
    """Write what the host is installed by."""
    made_files.write(host.kickstart_file, host.kickstart)


def write_entry(host: Host) -> None:
    """Write the host's own file in the inventory."""
    made_files.write(host.inventory_file, host.entry.text)


def pin(host: Host, known: str | None) -> str:
    """Write the host's key where ssh and Ansible look for it, and return it.

    The declared one counts; else KNOWN, which was seen before; else what an interrupted run pinned; else what
    the host shows now.

    Raises:
        HostUnreachable: it has to be asked for its key and does not answer.
    """
    target = host.entry.ssh
    key = host.host_key or known or next(iter(host_keys.pinned(target.known_hosts_file)), None)
    if key is None:
        try:
            key = ssh.host_key(target.address, target.port)
        except ssh.HostUnreachable as error:
            raise _not_installed(host, f"host {host.name}: {error}") from None
        tell(f"{target.where} shows the host key {host_keys.fingerprint(key)}, which is trusted from now on")
    key = " ".join(key.split()[:2])
    made_files.write(target.known_hosts_file, host_keys.pin(target.address, target.port, key))
    return key


def look(host: Host) -> probe.Found:
    """What the host is like now; tell of links without a carrier, which a bond is there to bear.

    Raises:
        CloudError: it cannot be looked at.
    """
    found = probe.look(host.entry.ssh, host.entry.container_engine, host.osd_disks)
    tell(
        f"host {host.name} answers: OS image {found.os_image or 'unknown (no bootc)'},"
        f" {host.entry.container_engine} {found.engine or 'does not answer'}, {len(found.disks)} OSD disks"
    )
    if found.switch is not None:
        for link in switch.dead_links(found.switch, host.links):
            tell(f"host {host.name}: link {link} has no carrier; look at its cable and switch port")
    return found


def first_look(host: Host) -> probe.Found:
    """Look at a host that is new, and may have to be installed before it answers."""
    try:
        return look(host)
    except ssh.HostUnreachable as error:
        raise _not_installed(host, error) from None


def unmet(host: Host, found: probe.Found, checked_disks: Collection[str]) -> list[str]:
    """What is not as declared; the disks in CHECKED_DISKS may carry OSDs by now."""
    return fitness.unmet(_wanted(host, checked_disks), found)


def settle_network(host: Host, found: probe.Found, checked_disks: Collection[str]) -> probe.Found:
    """Bring the network of a host that is fit but for it to what is declared, and look again.

    Raises:
        CloudError: it is not fit otherwise, or has its former network again; see `network`.
    """
    declared = host.network
    if declared is None or not network.differences(declared, found):
        return found
    _require_none(host, fitness.unmet_besides_links(_wanted(host, checked_disks), found))
    network.require_changeable(host.name, declared, found)
    tell(
        f"host {host.name}: its network changes, {network.told(declared, found)}; it takes that back by itself if"
        f" nobody reaches it within {network.CONFIRM_S} s"
    )
    network.change(host.entry.ssh, declared)
    return look(host)


def require_fit(host: Host, found: probe.Found, checked_disks: Collection[str]) -> None:
    """Refuse a host that is not as declared, with all that it lacks.

    Raises:
        CloudError: one sentence a point.
    """
    _require_none(host, unmet(host, found, checked_disks))


def _wanted(host: Host, checked_disks: Collection[str]) -> fitness.Wanted:
    return fitness.Wanted(
        name=host.name,
        container_engine=host.entry.container_engine,
        links=host.links,
        vlans=host.vlans,
        clean_disks=set(host.osd_disks) - set(checked_disks),
        used_disks=set(host.osd_disks) & set(checked_disks),
    )


def _require_none(host: Host, sentences: Sequence[str]) -> None:
    if len(sentences) == 1:
        raise CloudError(f"host {host.name} is not fit: {sentences[0]}")
    if sentences:
        points = "".join(f"\n  - {sentence}" for sentence in sentences)
        raise CloudError(f"host {host.name} is not fit, in {len(sentences)} points:{points}")


def drift(host: Host, key: str) -> list[str]:
    """How its files are not as they were written, each a sentence."""
    target = host.entry.ssh
    texts = {
        host.kickstart_file: host.kickstart,
        target.known_hosts_file: host_keys.pin(target.address, target.port, key),
        host.inventory_file: host.entry.text,
    }
    return [said for path, text in texts.items() if (said := made_files.differs(path, text))]


def network_drift(host: Host, found: probe.Found) -> list[str]:
    """How the network that the host makes is not the declared one, a sentence."""
    keys = network.differences(host.network, found)
    return [f"{network.FILE} there is not as declared in {' and '.join(keys)}"] if keys else []


def forget(paths: Collection[Path]) -> None:
    """Remove files that were written for a host; somebody else's in their place stay."""
    for path in paths:
        if not made_files.remove(path):
            tell(f"{path} stays: somebody else's file is in its place")


def _not_installed(host: Host, error: ssh.HostUnreachable | str) -> ssh.HostUnreachable:
    return ssh.HostUnreachable(f"{error}; if it is not installed yet, install it from {host.kickstart_file}")
