"""A host's way into the inventory: kickstart, key, a look at it, and last, if it is fit, its inventory file. Repeatable."""

import shutil
from collections.abc import Collection
from pathlib import Path

from clients import host_keys, ssh
from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.kolla_host import fitness, inventory, made_files, network, probe, switch
from dynamic_providers.kolla_host.declared import KollaHostArgs


def require_place(host: KollaHostArgs, made: Collection[Path] = ()) -> None:
    """Refuse, before anything is touched, what would mix this host with another or with somebody's own files.

    MADE are files that are ours by what the state says, whatever is in them.
    """
    inventory.require_free(host.inventory, host.name, host.ssh.address, host.command)
    for path in host.files:
        if path not in made:
            made_files.require_ours(path)


def write_kickstart(host: KollaHostArgs) -> None:
    """Write what the host is installed by."""
    made_files.write(host.kickstart_file, host.kickstart)


def write_entry(host: KollaHostArgs) -> None:
    """Write the host's own file in the inventory."""
    made_files.write(host.inventory_file, host.inventory_text)


def pin(host: KollaHostArgs, known: str | None) -> str:
    """Write the host's key where ssh and Ansible look for it, and return it.

    The declared one counts; else KNOWN, which was seen before; else what an interrupted run pinned; else what
    the host shows now.

    Raises:
        HostUnreachable: it has to be asked for its key and does not answer.
    """
    target = host.ssh
    key = host.host_key or known or next(iter(host_keys.pinned(target.known_hosts_file)), None)
    if key is None:
        key = host_keys.shown(target.address, target.port, ssh.CONNECT_S)
        if key is None:
            raise _not_installed(
                host,
                f"host {host.name}: {target.address} port {target.port}: no SSH server answers there; look whether the "
                "host is up and the address right",
            )
        log_line(
            f"{target.where} shows the host key {host_keys.fingerprint(key)}, which is trusted from now on"
        )
    key = " ".join(key.split()[:2])
    made_files.write(target.known_hosts_file, host_keys.pin(target.address, target.port, key))
    return key


def look(host: KollaHostArgs) -> probe.Found:
    """What the host is like now; tell of links without a carrier, which a bond is there to bear."""
    found = probe.look(host.ssh, host.container_engine, host.osd_disks)
    log_line(
        f"host {host.name} answers: OS image {found.os_image or 'unknown (no bootc)'},"
        f" {host.container_engine} {found.engine or 'does not answer'}, {len(found.disks)} OSD disks"
    )
    if found.switch is not None:
        for link in switch.dead_links(found.switch, host.links):
            log_line(f"host {host.name}: link {link} has no carrier; look at its cable and switch port")
    return found


def first_look(host: KollaHostArgs) -> probe.Found:
    """Look at a host that is new, and may have to be installed before it answers."""
    try:
        return look(host)
    except ssh.HostUnreachable as error:
        raise _not_installed(host, error) from None


def settle_network(host: KollaHostArgs, found: probe.Found, checked_disks: Collection[str]) -> probe.Found:
    """Bring the network of a host that is fit but for it to what is declared, and look again."""
    declared = host.network
    if declared is None or not network.differences(declared, found):
        return found
    require_fit(host, found, checked_disks, links=False)
    network.require_changeable(host.name, declared, found)
    log_line(
        f"host {host.name}: its network changes, {network.describe(declared, found)}; it takes that back by itself if"
        f" nobody reaches it within {network.CONFIRM_S} s"
    )
    network.change(host.ssh, declared)
    return look(host)


def require_fit(
    host: KollaHostArgs, found: probe.Found, checked_disks: Collection[str], *, links: bool = True
) -> None:
    """Refuse a host that is not as declared, with all that it lacks; LINKS is whether these are looked at."""
    sentences = fitness.unmet(host, found, checked_disks, links=links)
    if len(sentences) == 1:
        raise CloudError(f"host {host.name} is not fit: {sentences[0]}")
    if sentences:
        points = "".join(f"\n  - {sentence}" for sentence in sentences)
        raise CloudError(f"host {host.name} is not fit, in {len(sentences)} points:{points}")


def drift(host: KollaHostArgs, key: str) -> list[str]:
    """How its files are not as they were written, each a sentence."""
    target = host.ssh
    texts = {
        host.kickstart_file: host.kickstart,
        target.known_hosts_file: host_keys.pin(target.address, target.port, key),
        host.inventory_file: host.inventory_text,
    }
    return [difference for path, text in texts.items() if (difference := made_files.differs(path, text))]


def lacks(
    host: KollaHostArgs, found: probe.Found, checked_disks: Collection[str], made: Collection[Path]
) -> list[str]:
    """What would stop the next run: its network, what is not as declared, and what `require_place` refuses."""
    keys = network.differences(host.network, found)
    sentences = [f"{network.FILE} there is not as declared in {' and '.join(keys)}"] if keys else []
    sentences += fitness.unmet(host, found, checked_disks)
    if not shutil.which(host.command):  # where only refreshes are run
        log_line(f"host {host.name}: who else is in the inventory is not checked without {host.command}")
        return sentences
    try:
        require_place(host, made)
    except CloudError as error:
        sentences.append(str(error))
    return sentences


def forget(paths: Collection[Path]) -> None:
    """Remove files that were written for a host; somebody else's in their place stay."""
    for path in paths:
        if not made_files.remove(path):
            log_line(f"{path} stays: somebody else's file is in its place")


def _not_installed(host: KollaHostArgs, error: ssh.HostUnreachable | str) -> ssh.HostUnreachable:
    return ssh.HostUnreachable(f"{error}; if it is not installed yet, install it from {host.kickstart_file}")
