"""Servers that really run, on lab-qemu: the tiny guest as a golden image, networks, and what a guest's console says."""

import re
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openstack
import pytest
from openstack.connection import Connection

from dynamic_providers.rbd_image.provider import RbdImageProvider
from lab.guest import image as guest
from lab.qemu import libvirt
from lab.qemu.host import TRAIT, ZONE
from lab.qemu.preflight import lacking
from lab.settings import Lab

SECONDS = 300  # a guest takes 6 s of a processor until it has its address
COMMAND_S = 90
DNS = ["10.94.0.53", "9.9.9.9", "10.94.0.54"]  # not in any order that sorting would make
RAM_MB = 128


def name(kind: str) -> str:
    """A name of a test's own."""
    return f"test-qemu-{kind}-{secrets.token_hex(4)}"


def until(condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """Wait for CONDITION; what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.5)
    return found


def skip_without_qemu(lab: Lab) -> None:
    """Skip where the machine cannot have lab-qemu."""
    if sentence := lacking(lab):
        pytest.skip(sentence)


@dataclass
class Guest:
    """A server that runs, and how to speak to what is in it."""

    lab: Lab
    conn: Connection
    server: Any
    address: str
    mac: str

    @property
    def domain(self) -> str:
        """What libvirt calls it."""
        return str(self.server.id)

    def console(self) -> str:
        """All that it has written to its console."""
        return str(self.conn.compute.get_server_console_output(self.server)["output"] or "")

    def says(self, words: str, seconds: float = SECONDS) -> str:
        """The line of its console that matches WORDS, once it is there."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(rf"^.*{words}.*$", text := self.console(), re.MULTILINE)):
            assert time.monotonic() < deadline, f"{words} is not there within {seconds} s:\n{text[-3000:]}"
            time.sleep(0.5)
        return str(found[0]).strip()

    @property
    def boot(self) -> str:
        """The id of its present boot, once it has its address."""
        self.says("lab-guest: eth0 address=")
        return str(re.findall(r"lab-guest: ready image=\w+ boot=(\S+)", self.console())[-1])

    def run(self, command: str) -> bool:
        """Run a shell's command in it, by its console; whether that succeeded."""
        mark = secrets.token_hex(4)
        terminal = virsh(self.lab, "ttyconsole", self.domain)
        line = f"{command} > /dev/null 2>&1; echo lab-guest: ended=$? {mark}\n"
        with Path(terminal).open("wb", buffering=0) as keyboard:  # QEMU takes what comes while it is open
            keyboard.write(line.encode())
            return " ended=0 " in self.says(rf"^lab-guest: ended=\d+ {mark}", COMMAND_S)

    def reaches(self, other: str) -> bool:
        """Whether it gets an answer from an address."""
        return self.run(f"ping -c 3 -W 3 {other}")

    def state(self) -> str:
        """What libvirt says of it."""
        return virsh(self.lab, "domstate", self.domain)


def virsh(lab: Lab, *words: str) -> str:
    """Ask the lab's libvirtd."""
    command = ["virsh", "--quiet", "--connect", libvirt.uri(lab), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass
class Guests:
    """What makes servers, and takes them away in the end, with all they needed."""

    lab: Lab
    conn: Connection
    golden: tuple[str, Any]
    stack: ExitStack
    flavors: dict[int, Any] = field(default_factory=dict)

    @property
    def image(self) -> str:
        """The golden image's id in Glance."""
        return str(self.golden[1]["glance_id"])

    def network(self, vlan: int, cidr: str = "10.94.0.0/24") -> Any:
        """A provider network whose DHCP is lab-qemu's."""
        made = self.conn.network.create_network(
            name=name("network"),
            provider_network_type="vlan",
            provider_physical_network="physnet1",
            provider_segmentation_id=vlan,
            availability_zone_hints=[ZONE],
        )
        self.stack.callback(self.conn.network.delete_network, made)
        gateway = cidr.rpartition(".")[0] + ".1"
        self.conn.network.create_subnet(
            network_id=made.id,
            ip_version=4,
            cidr=cidr,
            gateway_ip=gateway,
            dns_nameservers=DNS,
            allocation_pools=[{"start": gateway + "0", "end": gateway + "99"}],
        )
        return made

    def flavor(self, disk: int = 1) -> Any:
        """A flavor for lab-qemu."""
        if disk not in self.flavors:
            made = self.conn.compute.create_flavor(name=name("flavor"), ram=RAM_MB, vcpus=1, disk=disk)
            self.stack.callback(self.conn.compute.delete_flavor, made)
            self.conn.compute.create_flavor_extra_specs(made, {f"trait:{TRAIT}": "required"})
            self.flavors[disk] = made
        return self.flavors[disk]

    def create(self, network: Any, image: str = "", disk: int = 1) -> Any:
        """Ask for a server; it need not come up."""
        made = self.conn.compute.create_server(
            name=name("server"),
            image_id=image or self.image,
            flavor_id=self.flavor(disk).id,
            networks=[{"uuid": network.id}],
        )
        self.stack.callback(self.delete, made)
        return made

    def delete(self, server: Any) -> None:
        """Delete a server, and wait until it is gone; safe to repeat."""
        self.conn.compute.delete_server(server, ignore_missing=True)
        self.conn.compute.wait_for_delete(server, wait=SECONDS)

    def started(self, server: Any) -> Guest:
        """The guest of a server that was asked for, once it is ACTIVE."""
        server = self.conn.compute.wait_for_server(server, wait=SECONDS)
        (port,) = self.conn.network.ports(device_id=server.id)
        return Guest(self.lab, self.conn, server, port.fixed_ips[0]["ip_address"], port.mac_address)

    def start(self, network: Any, count: int = 1) -> Sequence[Guest]:
        """Start so many servers, side by side."""
        asked = [self.create(network) for _ in range(count)]
        return [self.started(server) for server in asked]


@contextmanager
def imported(lab: Lab, source: Path, sha256: str) -> Iterator[tuple[str, Any]]:
    """An image imported as golden images are: the resource's id, and its state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        inputs = {"name": name("image"), "source": str(source), "sha256": sha256, "pool": "images"}
        access = {
            "cloud": "lab-image-import",
            "ceph_user": "image-import",
            "owner_stack": "private-cloud/test-qemu",
        }
        provider = RbdImageProvider()
        made = provider.create(inputs | access)
        assert made.id
        assert made.outs
        yield made.id, made.outs
        provider.delete(made.id, made.outs)


@contextmanager
def tiny_guest(lab: Lab) -> Iterator[tuple[str, Any]]:
    """The tiny guest as a golden image."""
    digest, file = (guest.folder(lab) / "SHA256SUMS").read_text().split()
    with imported(lab, guest.folder(lab) / file, digest) as made:
        yield made


@contextmanager
def guests(lab: Lab) -> Iterator[Guests]:
    """The administrator's guests from the tiny guest's image."""
    skip_without_qemu(lab)
    found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
    with (
        Connection(config=found.get_one("lab-admin")) as conn,
        tiny_guest(lab) as golden,
        ExitStack() as stack,
    ):
        yield Guests(lab, conn, golden, stack)
