"""lab-qemu: servers really start, from clones in Ceph, on VLANs, with addresses by DHCP, and reach each other by their bond."""

import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import rados
import rbd

from bench.namespace import Namespace
from clients import ceph
from clients.errors import InUseError
from dynamic_providers.rbd_image.provider import RbdImageProvider
from lab.guest import image as guest
from lab.hosts import fabric
from lab.hosts.host import LINKS
from lab.qemu import libvirt
from lab.qemu.host import NAME, QemuHost
from lab.services import glance
from lab.settings import Lab
from lab.supervisor import Supervisor
from tests.lab.guests import DNS, Guest, Guests, guests, name, until, virsh
from tests.lab.network_probe import Capture

# The story and a fleet start servers here in `make test`.
pytestmark = [pytest.mark.xdist_group(name="qemu"), pytest.mark.nightly]

VLANS = (640, 641)
PROBE = "10.94.0.250"  # in no pool, outside lab-qemu, on the first VLAN


class Existing(Namespace):
    """A network namespace that is there already, and stays."""

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(frozen=True)
class Running:
    """Two guests on one VLAN, and one on another."""

    guests: Guests
    network: Any
    first: Guest
    second: Guest
    apart: Guest


@pytest.fixture(scope="module")
def running(lab: Lab) -> Iterator[Running]:
    with guests(lab) as made:
        networks = [made.network(vlan) for vlan in VLANS]
        asked = [made.create(network) for network in (networks[0], *networks)]
        first, second, apart = (made.started(server) for server in asked)
        yield Running(made, networks[0], first, second, apart)


def test_its_console_shows_the_image_and_its_address_came_by_dhcp(lab: Lab, running: Running) -> None:
    first = running.first
    assert first.server.hypervisor_hostname == NAME
    assert f"image={guest.digest(lab)} boot=" in first.says("lab-guest: ready")
    leased = first.says("lab-guest: eth0 address")
    assert f"address={first.address}/24 router=10.94.0.1 dns={','.join(DNS)}" in leased


def test_its_root_disk_is_a_clone_of_the_images_snapshot(lab: Lab, running: Running) -> None:
    with (
        rados.Rados(conffile=str(lab.ceph_conf), name="client.nova") as cluster,
        cluster.open_ioctx("vms") as pool,
        rbd.Image(pool, f"{running.first.server.id}_disk", read_only=True) as disk,
    ):
        assert disk.parent_info() == ("images", running.guests.image, "snap")


def test_its_port_is_wired_by_the_real_agent(running: Running) -> None:
    network = running.guests.conn.network
    (port,) = network.ports(device_id=running.first.server.id)
    assert (port.status, port.binding_host_id) == ("ACTIVE", NAME)
    assert [agent.host for agent in network.network_hosting_dhcp_agents(running.network.id)] == [NAME]


def test_a_network_without_a_hint_is_the_fakes_and_keeps_none(admin) -> None:
    made = admin.network.create_network(name=name("unhinted"))
    try:
        subnet = admin.network.create_subnet(network_id=made.id, ip_version=4, cidr="10.94.9.0/24")
        admin.network.create_port(network_id=made.id)  # now at the latest Neutron looks for an agent
        hosting = {agent.host for agent in admin.network.network_hosting_dhcp_agents(made.id)}
        assert hosting
        assert NAME not in hosting
        assert admin.network.get_network(made.id).availability_zone_hints == []
        router = admin.network.create_router(name=made.name)
        admin.network.add_interface_to_router(router, subnet=subnet.id)
        admin.network.remove_interface_from_router(router, subnet=subnet.id)
        admin.network.delete_router(router)
    finally:
        for port in admin.network.ports(network_id=made.id, device_owner=""):
            admin.network.delete_port(port)
        admin.network.delete_network(made)


def test_guests_on_one_vlan_reach_each_other_and_guests_on_two_do_not(running: Running) -> None:
    for each in (running.first, running.second, running.apart):
        each.says("lab-guest: eth0 address")
    assert running.first.reaches(running.second.address)
    assert running.second.run(f"nc -w 5 {running.first.address} 22 < /dev/null | grep {running.first.boot}")
    assert running.apart.address not in {running.first.address, running.second.address}
    assert not running.first.reaches(running.apart.address)
    assert not running.apart.reaches(running.first.address)


def test_frames_on_the_trunk_carry_the_declared_tag(lab: Lab, running: Running) -> None:
    switches = Existing(fabric.namespace(lab))
    ports = [QemuHost(lab).switch_port(link) for link in LINKS]
    for each, vlan in ((running.first, VLANS[0]), (running.apart, VLANS[1])):
        mac = bytes.fromhex(each.mac.replace(":", ""))
        with Capture(switches, ports[0]) as one, Capture(switches, ports[1]) as other:
            each.run("arping -c 2 -w 3 -I eth0 10.94.0.254")  # a broadcast leaves by the bond
            tags = {frame.vlan for link in (one, other) for frame in link.frames() if frame.source == mac}
        assert tags == {vlan}


@pytest.fixture
def outside(lab: Lab) -> Iterator[Namespace]:
    """The switches' namespace, with an interface on the first VLAN."""
    switches = Existing(fabric.namespace(lab))
    vsctl = ["ovs-vsctl", f"--db=unix:{fabric.folder(lab)}/db.sock"]
    add = ["--may-exist", "add-port", "switch-2", "probe", f"tag={VLANS[0]}"]
    subprocess.run([*vsctl, *add, "--", "set", "Interface", "probe", "type=internal"], check=True)
    switches.run("ip", "address", "add", f"{PROBE}/24", "dev", "probe")
    switches.run("ip", "link", "set", "probe", "up")
    switches.run("ethtool", "-K", "probe", "tx", "off")  # nothing behind it finishes a checksum
    yield switches
    subprocess.run([*vsctl, "del-port", "switch-2", "probe"], check=True)


def test_a_guest_goes_on_talking_while_one_link_of_the_bond_is_cut(
    running: Running, outside: Namespace, lab: Lab
) -> None:
    first = running.first
    boot = first.boot

    def answered() -> bool:
        with outside.socket(socket.AF_INET, socket.SOCK_STREAM) as conversation:
            conversation.settimeout(2)
            try:
                conversation.connect((first.address, 22))
                return conversation.recv(100).decode().strip() == f"lab-guest: boot={boot}"
            except OSError:
                return False

    until(answered, "an answer")
    for link in LINKS:
        port = QemuHost(lab).switch_port(link)
        outside.run("ip", "link", "set", port, "down")
        try:
            until(answered, f"an answer without {link}")
            assert first.reaches(PROBE)
        finally:
            outside.run("ip", "link", "set", port, "up")
            until(lambda: both_links_are_up(lab), "both links are up")


def both_links_are_up(lab: Lab) -> bool:
    """What lab-qemu's Open vSwitch says of its bond."""
    control = QemuHost(lab).open_vswitch / "switch.ctl"
    shown = subprocess.run(
        ["ovs-appctl", "-t", str(control), "bond/show"], check=True, capture_output=True, text=True
    ).stdout
    return len(re.findall(r"^(?:slave|member) \S+: enabled", shown, re.MULTILINE)) == len(LINKS)


def test_a_guest_turns_itself_off_when_nova_presses_its_power_button(lab: Lab, running: Running) -> None:
    compute, guest = running.guests.conn.compute, running.apart
    boot = guest.boot
    compute.stop_server(guest.server)
    compute.wait_for_server(guest.server, status="SHUTOFF")
    assert virsh(lab, "domstate", guest.domain, "--reason") == "shut off (shutdown)"
    compute.start_server(guest.server)
    until(lambda: guest.boot != boot, "its next boot")


def test_an_image_in_use_is_not_deleted_and_the_servers_are_named(running: Running) -> None:
    with pytest.raises(InUseError) as refused:
        RbdImageProvider().delete(*running.guests.golden)
    for each in (running.first, running.second, running.apart):
        assert f"vms/{each.server.id}_disk" in str(refused.value)
    assert running.guests.conn.image.get_image(running.guests.image).status == "active"


def test_nothing_is_mounted_over_a_file_of_this_machines_etc(lab: Lab) -> None:
    """Such a mount goes when this machine replaces the file, and libvirtd would not start again."""
    pid = Supervisor(lab).states()[libvirt.NAME]["pid"]
    mounts = [line.split()[4] for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    over = [Path(f"/proc/{pid}/root{mount}") for mount in mounts if mount.startswith("/etc/")]
    assert over
    assert all(path.is_dir() for path in over)


def test_novas_key_cannot_write_images(lab: Lab) -> None:
    with (
        rados.Rados(conffile=str(lab.ceph_conf), name="client.nova") as cluster,
        cluster.open_ioctx("images") as pool,
    ):
        with pytest.raises(rados.PermissionError):
            pool.write_full(name("object"), b"x")
        with pytest.raises(rbd.PermissionError):
            rbd.RBD().create(pool, name("image"), 1024**2)


def test_the_users_glance_shows_no_location_and_the_internal_one_does(
    lab: Lab, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEPH_CONF", str(lab.ceph_conf))
    conn, image = running.guests.conn, running.guests.image
    shown = conn.image.get_image(image)
    assert (shown.direct_url, shown.locations) == (None, None)
    seen = conn.image.get(f"{glance.internal_url(lab)}/v2/images/{image}").json()
    with ceph.pool("images", "image-import") as pool:
        fsid = pool.handle.get_fsid()
    assert seen["direct_url"] == f"rbd://{fsid}/images/{image}/snap"
    assert "locations" not in seen
