"""A host's two links, two joined switches and a far end on each VLAN, in network namespaces of their own.

The host's side is the very script of the host image with the very file that the kickstart writes. The switches
are Open vSwitch too, an instance of their own: this kind of machine's kernel has neither bridges nor 802.1Q.
Both use the userspace datapath, which needs no kernel module; a real host uses the kernel's.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.namespace import Namespace, run, wait_for
from bench.open_vswitch import OpenVswitch
from components.hosts.kickstart import Installation, network
from config.host import BareMetalHostSpec, HostImageSpec
from config.kolla import KollaSshSpec
from config.management import ManagementSpec

if TYPE_CHECKING:
    from types import TracebackType

HOST_NETWORK = Path(__file__).parents[1] / "host_image" / "host_network.py"
MANAGEMENT, TRUNKED = 110, (120, 130)
LINKS = {"eno1": "host-a", "eno2": "host-b"}
"""The host's links, and the switches' ports at their other ends."""


def addresses(vlan: int) -> tuple[str, str]:
    """Return the host's address on a VLAN and the far end's."""
    return f"10.{vlan}.0.21", f"10.{vlan}.0.1"


HOST = Installation(
    BareMetalHostSpec(
        name="links-1",
        address=addresses(MANAGEMENT)[0],
        roles=["compute"],
        links=tuple(LINKS),
        vlans=TRUNKED,
        install_disk="/dev/disk/by-id/none",
    ),
    KollaSshSpec.model_construct(user="kolla", private_key_file=Path("none"), public_key="ssh-ed25519 AAAA"),
    ManagementSpec(vlan=MANAGEMENT, cidr=f"10.{MANAGEMENT}.0.0/24", gateway=addresses(MANAGEMENT)[1]),
    HostImageSpec(image="registry.corp.example/host:1"),
)


class Cabling:
    """The host with its network made, the switches, and the far ends; all gone after the ``with``.

    The flows of br-ex, which Neutron's agent programs on a real host, are one flow here that switches normally,
    and each trunked VLAN has a port on br-ex in place of a server's.
    """

    def __init__(self, bond_mode: str = "active-backup") -> None:
        self._stack = ExitStack()
        self.installation = replace(HOST, spec=HOST.spec.model_copy(update={"bond_mode": bond_mode}))

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
            self._act_as_neutron()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def make_network(self) -> str:
        """Run the host image's script; return what it complained of."""
        file = self.host_ovs.folder / "network.json"
        file.write_text(network(replace(self.installation, datapath_type="netdev")))
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
            self._connect(self.host, link, port)
            bridges += ["--", "add-port", bridge, port]
        for bridge, (vlan, far) in zip(("sw-a", "sw-b", "sw-a"), self.far.items(), strict=True):
            self._connect(far, "far", f"far-{vlan}")
            far.run("ip", "address", "add", f"{addresses(vlan)[1]}/24", "dev", "far")
            bridges += ["--", "add-port", bridge, f"far-{vlan}", f"tag={vlan}"]
        self.switch_ovs.vsctl(*bridges[1:])

    def _connect(self, namespace: Namespace, name: str, port: str) -> None:
        ends = ("type", "veth", "peer", "name", port, "netns", self.switches.name)
        run("ip", "link", "add", "name", name, "netns", namespace.name, *ends)
        self.switches.run("ip", "link", "set", port, "up")
        namespace.run("ip", "link", "set", name, "up")

    def _act_as_neutron(self) -> None:
        run("ovs-ofctl", "add-flow", f"unix:{self.host_ovs.folder}/br-ex.mgmt", "actions=NORMAL")
        for vlan in TRUNKED:
            port = f"server-{vlan}"
            self.host_ovs.vsctl(
                *("add-port", "br-ex", port, f"tag={vlan}", "--", "set", "Interface", port, "type=internal")
            )
            self.host.run("ip", "address", "add", f"{addresses(vlan)[0]}/24", "dev", port)
            self.host.run("ip", "link", "set", port, "up")
