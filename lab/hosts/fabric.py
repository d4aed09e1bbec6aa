"""The hosts' network: two switches joined by a trunk, in their own network namespace.

Both are bridges of one Open vSwitch in its userspace datapath, since a machine's kernel may have neither
bridges that know VLANs nor Open vSwitch's module. This machine has a port in the management VLAN.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Protocol

from lab import commands, packages
from lab.daemon import Daemon, UnhealthyError
from lab.hosts.host import LINKS, MANAGEMENT_VLAN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.settings import Lab

SWITCHES = dict(zip(LINKS, ("switch-1", "switch-2"), strict=True))  # by the link that leads to it
MACHINE_PORT = "machine"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
DATABASE, SWITCHING = "switches-database", "switches"


class Cabled(Protocol):
    """A host that hangs on both switches."""

    @property
    def namespace(self) -> str:
        """Its network namespace."""

    @property
    def trunk(self) -> tuple[int, ...]:
        """The VLANs that the switches carry to it."""

    def switch_port(self, link: str) -> str:
        """Return the name of the link's other end, in the switches' namespace."""


def namespace(lab: Lab) -> str:
    """Name the switches' network namespace."""
    return f"lab-{lab.digest}-switches"


def machine_link(lab: Lab) -> str:
    """Name this machine's link to the switches; 15 characters at most."""
    return f"lab-{lab.digest}"


def folder(lab: Lab) -> Path:
    """Where the switches' database and sockets are."""
    return lab.run / "switches"


def _socket(lab: Lab) -> str:
    return f"unix:{folder(lab)}/db.sock"


def daemons(lab: Lab) -> tuple[Daemon, ...]:
    """List Open vSwitch's two daemons, of which the second one switches."""
    inside = ("ip", "netns", "exec", namespace(lab))
    environment = {"OVS_RUNDIR": str(folder(lab)), "OVS_LOGDIR": str(lab.log)}
    quiet = ("-vsyslog:off", "-vfile:off", "-vconsole:warn")
    database = Daemon(
        name=DATABASE,
        command=(
            *inside,
            "ovsdb-server",
            str(folder(lab) / "conf.db"),
            f"--remote=p{_socket(lab)}",
            f"--unixctl={folder(lab)}/database.ctl",
            *quiet,
        ),
        address="-",
        version=lambda: packages.version("openvswitch-switch"),
        check=lambda: _answers(lab),
        environment=environment,
    )
    switching = Daemon(
        name=SWITCHING,
        command=(*inside, "ovs-vswitchd", _socket(lab), f"--unixctl={folder(lab)}/switches.ctl", *quiet),
        address=lab.machine_address,
        version=lambda: packages.version("openvswitch-switch"),
        check=lambda: _switches(lab),
        environment=environment,
    )
    return database, switching


def _ask(lab: Lab, *words: str) -> str:
    command = ["ovs-vsctl", f"--db={_socket(lab)}", "--timeout=3", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnhealthyError(done.stderr.strip() or f"ovs-vsctl ended with code {done.returncode}")
    return done.stdout


def _answers(lab: Lab) -> str:
    _ask(lab, "--no-wait", "show")
    return "answers"


def _switches(lab: Lab) -> str:
    done = subprocess.run(
        ["ovs-appctl", "-t", str(folder(lab) / "switches.ctl"), "version"],
        capture_output=True,
        text=True,
        timeout=5,
        check=False,
    )
    if done.returncode:
        raise UnhealthyError("ovs-vswitchd does not answer")
    return "switches"


def make_database(lab: Lab) -> None:
    """Make the switches' empty database; `add_ports` says what is in it, each time."""
    folder(lab).mkdir(parents=True, exist_ok=True)
    database = folder(lab) / "conf.db"
    if not database.exists():
        commands.logged(["ovsdb-tool", "create", str(database), SCHEMA], lab.log / "make-hosts.log")


def interfaces(namespace: str | None) -> set[str]:
    """Name the interfaces in a network namespace, or in this machine's own."""
    inside = [] if namespace is None else ["-netns", namespace]
    shown = subprocess.run(
        ["ip", *inside, "-json", "link", "show"], capture_output=True, text=True, check=True
    ).stdout
    return {entry["ifname"] for entry in json.loads(shown or "[]")}


def namespaces() -> set[str]:
    """Name the machine's network namespaces."""
    shown = subprocess.run(
        ["ip", "-json", "netns", "list"], capture_output=True, text=True, check=True
    ).stdout
    return {entry["name"] for entry in json.loads(shown or "[]")}


def lay_links(lab: Lab, hosts: Sequence[Cabled]) -> None:
    """Have the network namespaces, and in them both ends of every link; safe to repeat."""
    log = lab.log / "make-hosts.log"

    def ip(*words: str) -> None:
        commands.logged(["ip", *words], log)

    switches = namespace(lab)
    there = namespaces()
    for name in (switches, *(host.namespace for host in hosts)):
        if name not in there:
            ip("netns", "add", name)
        ip("-netns", name, "link", "set", "lo", "up")
    ports = interfaces(switches)
    mine = machine_link(lab)
    if MACHINE_PORT not in ports:
        ip("link", "add", mine, "type", "veth", "peer", "name", MACHINE_PORT, "netns", switches)
    # Nothing behind this link finishes a checksum that the kernel left to the network card.
    commands.logged(["ethtool", "-K", mine, "tx", "off"], log)
    ip("address", "replace", f"{lab.machine_address}/{lab.host_network.prefixlen}", "dev", mine)
    ip("link", "set", mine, "up")
    ip("-netns", switches, "link", "set", MACHINE_PORT, "up")
    for host in hosts:
        for link in LINKS:
            port = host.switch_port(link)
            if port not in ports:
                ends = ("type", "veth", "peer", "name", link, "netns", host.namespace)
                ip("-netns", switches, "link", "add", port, *ends)
                ip("-netns", switches, "link", "set", port, "up")


def add_ports(lab: Lab, hosts: Sequence[Cabled]) -> None:
    """Have the two switches, the trunk between them, and a port for each link; other hosts' ports go."""
    first, second = SWITCHES.values()
    words: list[str] = []
    for switch, peer in ((first, second), (second, first)):
        words += [
            "--may-exist",
            "add-br",
            switch,
            "--",
            "set",
            "Bridge",
            switch,
            "datapath_type=netdev",
            "--",
        ]
        trunk = f"to-{peer}"
        words += ["--may-exist", "add-port", switch, trunk, "--", "set", "Interface", trunk, "type=patch"]
        words += [f"options:peer=to-{switch}", "--"]
    words += ["--may-exist", "add-port", first, MACHINE_PORT, f"tag={MANAGEMENT_VLAN}"]
    wanted = {MACHINE_PORT, *(f"to-{switch}" for switch in SWITCHES.values())}
    for host in hosts:
        carried = ",".join(str(vlan) for vlan in host.trunk)
        for link, switch in SWITCHES.items():
            port = host.switch_port(link)
            wanted.add(port)
            words += ["--", "--may-exist", "add-port", switch, port]
            words += ["--", "set", "Port", port, f"trunks={carried}"]
    _ask(lab, *words)
    for switch in SWITCHES.values():
        for port in set(_ask(lab, "list-ports", switch).split()) - wanted:
            _ask(lab, "--if-exists", "del-port", switch, port)
