"""A host's two links, two joined switches and a far end on each VLAN, in network namespaces of their own.

The host's side is the very script of the host image with the very file that the kickstart writes. The switches
are Open vSwitch too, an instance of their own: this kind of machine's kernel has neither bridges nor 802.1Q.
Both use the userspace datapath, which needs no kernel module; a real host uses the kernel's.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Self

from components.kickstart import Installation, network

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

HOST_NETWORK = Path(__file__).parents[1] / "host_image" / "host_network.py"
MANAGEMENT, TRUNKED = 110, (120, 130)
LINKS = {"eno1": "host-a", "eno2": "host-b"}
"""The host's links, and the switches' ports at their other ends."""
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
CLONE_NEWNET = 0x40000000
WITHIN = 20.0  # seconds


def addresses(vlan: int) -> tuple[str, str]:
    """Return the host's address on a VLAN and the far end's."""
    return f"10.{vlan}.0.21", f"10.{vlan}.0.1"


HOST = Installation(
    name="links-1",
    address=ip_address(addresses(MANAGEMENT)[0]),
    network=ip_network(f"10.{MANAGEMENT}.0.0/24"),
    gateway=ip_address(addresses(MANAGEMENT)[1]),
    vlan=MANAGEMENT,
    links=tuple(LINKS),
    bond_mode="active-backup",
    vlans=TRUNKED,
    install_disk="/dev/disk/by-id/none",
    image="registry.corp.example/host:1",
    user="kolla",
    public_key="ssh-ed25519 AAAA",
)


class Namespace:
    """A network namespace with a name of its own; gone after the ``with``."""

    def __init__(self, name: str) -> None:
        self.name = f"{name}-{secrets.token_hex(3)}"

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run("ip", "netns", "del", self.name)

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs COMMAND in here."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str) -> str:
        """Run a program in here and return what it printed."""
        return run(*self.inside(*command))

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Open a socket in here: a socket stays in the namespace that its thread was in."""
        libc = ctypes.CDLL(None, use_errno=True)
        ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        theirs = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if libc.setns(theirs, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"namespace {self.name} cannot be entered")
            try:
                return socket.socket(family, kind, protocol)
            finally:
                libc.setns(ours, CLONE_NEWNET)
        finally:
            os.close(ours)
            os.close(theirs)


class OpenVswitch:
    """Open vSwitch with a database and files of its own, in a namespace; stopped after the ``with``."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self.folder = Path(tempfile.mkdtemp(prefix="ovs-"))
        self.environment = os.environ | {"OVS_RUNDIR": str(self.folder)}
        self._daemons: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        run("ovsdb-tool", "create", str(self.folder / "conf.db"), SCHEMA)
        listen = f"--remote=punix:{self.folder}/db.sock"
        self._start("ovsdb-server", str(self.folder / "conf.db"), listen)
        wait_for((self.folder / "db.sock").exists, "ovsdb-server listens")
        self.vsctl("--no-wait", "init")
        self._start("ovs-vswitchd", f"unix:{self.folder}/db.sock")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for daemon in reversed(self._daemons):
            daemon.terminate()
            daemon.wait(WITHIN)
        shutil.rmtree(self.folder)

    def vsctl(self, *arguments: str) -> str:
        """Change or read the database."""
        return run("ovs-vsctl", f"--timeout={WITHIN:.0f}", *arguments, environment=self.environment)

    def appctl(self, *arguments: str) -> str:
        """Ask ovs-vswitchd."""
        return run("ovs-appctl", "-t", f"{self.folder}/ovs-vswitchd.ctl", "-T", "5", *arguments)

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("wb") as log:
            # Gone with us, also if we are killed.
            command = ["setpriv", "--pdeathsig", "TERM", *self._namespace.inside(program, *arguments)]
            self._daemons.append(
                subprocess.Popen(
                    [*command, f"--unixctl={self.folder}/{program}.ctl", "--no-chdir"],
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                )
            )


class Cabling:
    """The host with its network made, the switches, and the far ends; all gone after the ``with``.

    The flows of br-ex, which Neutron's agent programs on a real host, are one flow here that switches normally,
    and each trunked VLAN has a port on br-ex in place of a server's.
    """

    def __init__(self, bond_mode: str = "active-backup") -> None:
        self._stack = ExitStack()
        self.installation = replace(HOST, bond_mode=bond_mode)

    def __enter__(self) -> Self:
        with self._stack as stack:
            self.host = stack.enter_context(Namespace("host"))
            self.switches = stack.enter_context(Namespace("switches"))
            self.far = {
                vlan: stack.enter_context(Namespace(f"far-{vlan}")) for vlan in (MANAGEMENT, *TRUNKED)
            }
            self.switch_ovs = stack.enter_context(OpenVswitch(self.switches))
            self.host_ovs = stack.enter_context(OpenVswitch(self.host))
            self._cable()
            self.make_network()
            self._stand_in_for_neutron()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def make_network(self) -> str:
        """Run the host image's script; return what it complained of."""
        file = self.host_ovs.folder / "network.json"
        file.write_text(network(self.installation, datapath_type="netdev"))
        return run(
            *self.host.inside(sys.executable, str(HOST_NETWORK), str(file)),
            environment=self.host_ovs.environment,
        )

    def active(self) -> str:
        """Name the link that carries the traffic now."""
        shown = self.host_ovs.appctl("bond/show", "bond0")
        line = next(line for line in shown.splitlines() if line.startswith("active member mac"))
        return line.rpartition("(")[2].rstrip(")")

    def cut(self, link: str) -> None:
        """Pull a link: both ends lose the carrier."""
        self.switches.run("ip", "link", "set", LINKS[link], "down")

    def mend(self, link: str) -> None:
        """Plug a link in again, and wait until the bond would use it."""
        self.switches.run("ip", "link", "set", LINKS[link], "up")
        self.wait_for_both()

    def wait_for_both(self) -> None:
        """Wait until either link may take over from the other."""
        members = [f"member {link}: enabled" for link in LINKS]
        wait_for(
            lambda: all(member in self.host_ovs.appctl("bond/show", "bond0") for member in members),
            "both links are enabled",
        )

    def _cable(self) -> None:
        # A switch of hardware sends to where it last saw an address from the next frame on. Open vSwitch goes by
        # what it decided, for ten seconds after the last such frame unless told otherwise: milliseconds.
        bridges = ["--", "set", "Open_vSwitch", ".", "other_config:max-idle=100"]
        bridges += ["other_config:max-revalidator=100"]
        for bridge in ("sw-a", "sw-b"):
            bridges += ["--", "add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev"]
        for bridge, port, peer in (("sw-a", "a-to-b", "b-to-a"), ("sw-b", "b-to-a", "a-to-b")):
            bridges += ["--", "add-port", bridge, port, "--", "set", "Interface", port, "type=patch"]
            bridges += [f"options:peer={peer}"]
        for bridge, (link, port) in zip(("sw-a", "sw-b"), LINKS.items(), strict=True):
            self._wire(self.host, link, port)
            bridges += ["--", "add-port", bridge, port]
        for bridge, (vlan, far) in zip(("sw-a", "sw-b", "sw-a"), self.far.items(), strict=True):
            self._wire(far, "far", f"far-{vlan}")
            far.run("ip", "address", "add", f"{addresses(vlan)[1]}/24", "dev", "far")
            bridges += ["--", "add-port", bridge, f"far-{vlan}", f"tag={vlan}"]
        self.switch_ovs.vsctl(*bridges[1:])

    def _wire(self, namespace: Namespace, name: str, port: str) -> None:
        ends = ("type", "veth", "peer", "name", port, "netns", self.switches.name)
        run("ip", "link", "add", "name", name, "netns", namespace.name, *ends)
        self.switches.run("ip", "link", "set", port, "up")
        namespace.run("ip", "link", "set", name, "up")

    def _stand_in_for_neutron(self) -> None:
        run("ovs-ofctl", "add-flow", f"unix:{self.host_ovs.folder}/br-ex.mgmt", "actions=NORMAL")
        for vlan in TRUNKED:
            port = f"server-{vlan}"
            self.host_ovs.vsctl(
                *("add-port", "br-ex", port, f"tag={vlan}", "--", "set", "Interface", port, "type=internal")
            )
            self.host.run("ip", "address", "add", f"{addresses(vlan)[0]}/24", "dev", port)
            self.host.run("ip", "link", "set", port, "up")


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Run a program; what it printed, or a failure with what it complained of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout + done.stderr


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Wait until something is TRUE."""
    until = time.monotonic() + WITHIN
    while not true():
        if time.monotonic() > until:
            raise RuntimeError(f"waited {WITHIN:.0f} s in vain until {what}")
        time.sleep(0.1)
