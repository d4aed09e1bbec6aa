"""What keeps lab-qemu apart: a control group, and namespaces for mounts, its name and its network.

They stay while no process is in them, so that guests, and what starts after a restart, see the same sockets and
network namespaces. Files keep them, as `ip netns` keeps network namespaces.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab import commands
from lab.hosts import control_groups, fabric
from lab.qemu.host import NAME, QemuHost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.settings import Lab

ENTER, MOUNTS = Path(__file__).with_name("enter.sh"), Path(__file__).with_name("mounts.sh")
NAMESPACES = ("mnt", "uts")
USER = "libvirt-qemu"
SERVICES = "services"  # the link to them, as lab-qemu calls it
TABLE = 100  # of routes, with the one to them
OWN_PORTS = (6633, 6640)  # of the switch's agent, for OpenFlow, and of the switch's database


def inside(lab: Lab, *command: str) -> tuple[str, ...]:
    """Word a command so that it runs on lab-qemu."""
    host = QemuHost(lab)
    group = f"{control_groups.hierarchy()}/{host.cgroup}"
    return ("sh", str(ENTER), group, str(host.kept), f"/run/netns/{host.namespace}", *command)


def environment(lab: Lab) -> dict[str, str]:
    """Say what whatever runs there needs to know; other mounts mean a restart."""
    host = QemuHost(lab)
    return {
        "HOME": str(host.folder),
        "LAB_MOUNTS": hashlib.sha256(ENTER.read_bytes() + MOUNTS.read_bytes()).hexdigest(),
        "LC_ALL": "C.UTF-8",
        "OVS_RUNDIR": str(host.open_vswitch),
        "OVS_LOGDIR": str(lab.log),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }


def make(lab: Lab) -> None:
    """Have the control group, and the mount and UTS namespaces; safe to repeat."""
    host = QemuHost(lab)
    made_from = host.kept / "made-from"
    wanted = environment(lab)["LAB_MOUNTS"]
    # Path.is_mount() knows folders only.
    whole = all(os.path.ismount(host.kept / name) for name in NAMESPACES)
    if not (whole and made_from.exists() and made_from.read_text() == wanted):
        remove(lab)
        _write_files(lab)
        _keep(lab, host)
        made_from.write_text(wanted)
    (Path(str(control_groups.hierarchy())) / host.cgroup).mkdir(exist_ok=True)


def _write_files(lab: Lab) -> None:
    """Write what it has in its own /etc: libvirt's QEMU driver wants this user, though guests run as root here."""
    folder = lab.data / "qemu"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "passwd": _with(Path("/etc/passwd"), f"{USER}:x:64055:64055::/:/usr/sbin/nologin"),
        "group": _with(Path("/etc/group"), f"{USER}:x:64055:"),
        "hosts": f"127.0.0.1 localhost\n{QemuHost(lab).address} {NAME}\n",
        "resolv.conf": "# No name server can be reached from here.\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)


def _with(known: Path, line: str) -> str:
    text = known.read_text()
    return text if f"\n{USER}:" in text else f"{text}{line}\n"


def _keep(lab: Lab, host: QemuHost) -> None:
    log = lab.log / "make-lab-qemu.log"
    host.kept.mkdir(parents=True, exist_ok=True)
    # A namespace can be kept only where mounts do not propagate, which a folder of the machine's may do.
    commands.logged(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", NAME, str(host.kept)], log)
    commands.logged(["mount", "--make-private", str(host.kept)], log)
    for name in NAMESPACES:
        (host.kept / name).touch()
    kept = (f"--mount={host.kept}/mnt", f"--uts={host.kept}/uts")
    commands.logged(
        # In its network namespace, for a /sys that shows its links.
        [
            *("nsenter", f"--net=/run/netns/{host.namespace}"),
            *("unshare", *kept, "--propagation", "private", "sh", str(MOUNTS)),
        ],
        log,
        environment=os.environ | {"HOME_LINK": str(lab.home), "HOME_FOLDER": str(lab.folder)},
    )


def lay_services_link(lab: Lab) -> None:
    """Have the link by which lab-qemu reaches the lab's services, which listen on loopback; safe to repeat.

    The two ends may carry loopback addresses (`route_localnet`). What goes to the lab's address takes the link, unless
    it is to or from one of lab-qemu's own ports: the two may have one address, 127.0.0.1.
    """
    host = QemuHost(lab)
    log = lab.log / "make-lab-qemu.log"
    mine, theirs = host.services_network.hosts()
    length = host.services_network.prefixlen

    def ip(*words: str) -> None:
        commands.logged(["ip", *words], log)

    if host.services_link not in fabric.interfaces(None):
        ends = ("type", "veth", "peer", "name", SERVICES, "netns", host.namespace)
        ip("link", "add", host.services_link, *ends)
    ip("address", "replace", f"{mine}/{length}", "dev", host.services_link)
    ip("link", "set", host.services_link, "up")
    there = ("-netns", host.namespace)
    ip(*there, "address", "replace", f"{theirs}/{length}", "dev", SERVICES)
    ip(*there, "link", "set", SERVICES, "up")
    _route(lab, host.namespace, ("via", str(mine), "dev", SERVICES, "src", str(theirs)), log)
    for where, link in (((), host.services_link), (("ip", "netns", "exec", host.namespace), SERVICES)):
        setting = f"/proc/sys/net/ipv4/conf/{link}/route_localnet"
        commands.logged([*where, "sh", "-c", f"echo 1 > {setting}"], log)


def _route(lab: Lab, namespace: str, way: tuple[str, ...], log: Path) -> None:
    """Have what goes to the lab's address take WAY; the rule that usually comes first is gone once all others are there."""
    there = ("ip", "-netns", namespace)
    commands.logged([*there, "route", "replace", f"{lab.address}/32", *way, "table", str(TABLE)], log)
    shown = subprocess.run([*there, "rule"], check=True, capture_output=True, text=True).stdout
    if not shown.startswith("0:"):
        return
    # All but the first: a former `up` may have been cut off here.
    commands.logged([*there, "rule", "flush"], log)
    rules: list[tuple[str, ...]] = [
        ("ipproto", "tcp", end, str(port), "lookup", "local")
        for port in OWN_PORTS
        for end in ("dport", "sport")
    ]
    rules += [("to", lab.address, "lookup", str(TABLE))]
    rules += [("lookup", table) for table in ("local", "main", "default")]
    for preference, rule in enumerate(rules, 1):
        commands.logged([*there, "rule", "add", "pref", str(preference), *rule], log)
    commands.logged([*there, "rule", "delete", "pref", "0"], log)


def run(lab: Lab, *command: str, log: Path, extra: Mapping[str, str] | None = None) -> None:
    """Run a program on lab-qemu to its end."""
    commands.logged(inside(lab, *command), log, environment=environment(lab) | dict(extra or {}))


def remove(lab: Lab) -> None:
    """End what runs on lab-qemu, guests too, and take away what the kernel keeps of it."""
    host = QemuHost(lab)
    control_groups.end(host.cgroup)
    for mount in (*(host.kept / name for name in NAMESPACES), host.kept):
        while os.path.ismount(mount):
            subprocess.run(["umount", str(mount)], check=True, capture_output=True)
    with contextlib.suppress(FileNotFoundError):
        host.kept.rmdir()


def remove_links(lab: Lab) -> None:
    """Remove its network namespace, and its link to the services."""
    host = QemuHost(lab)
    if host.services_link in fabric.interfaces(None):
        subprocess.run(["ip", "link", "delete", host.services_link], check=True, capture_output=True)
    if host.namespace in fabric.namespaces():
        subprocess.run(["ip", "netns", "delete", host.namespace], check=True, capture_output=True)
