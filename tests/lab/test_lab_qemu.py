"""lab-qemu: a server of the golden image's kind really starts, from a clone in Ceph, on a VLAN, with its address by DHCP."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import rados
import rbd
from openstack.connection import Connection

from clients import ceph
from dynamic_providers.rbd_image.provider import RbdImageProvider
from lab.guest import image as guest
from lab.qemu.host import NAME, TRAIT, ZONE
from lab.qemu.preflight import lacking
from lab.real_servers import asked
from lab.services import glance
from lab.settings import Lab
from tests.lab.running_lab import brought, command

pytestmark = [pytest.mark.alone, pytest.mark.nightly]  # the lab comes up with the host, and another Neutron

VLAN = 640
DNS = ["10.94.0.53", "9.9.9.9", "10.94.0.54"]  # not in any order that sorting would make
SECONDS = 300  # a guest takes 6 s of a processor until it has its address


@dataclass(frozen=True)
class Started:
    """A server, the image it is made from, and its port."""

    server: Any
    image: str
    address: str


@pytest.fixture(scope="module", autouse=True)
def with_qemu(lab: Lab) -> Iterator[None]:
    """The host, for as long as these tests need it; skip where the machine cannot have it."""
    if sentence := lacking(lab):
        pytest.skip(sentence)
    before = asked(lab)
    if not before:
        brought(command("up", "--qemu"))
    yield
    if not before:
        brought(command("up", "--no-qemu"))


@pytest.fixture(scope="module")
def image(lab: Lab) -> Iterator[str]:
    """The tiny guest, imported as golden images are; the id."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        digest, name = (guest.folder(lab) / "SHA256SUMS").read_text().split()
        inputs = {
            "name": _name(),
            "source": str(guest.folder(lab) / name),
            "sha256": digest,
            "pool": "images",
        }
        access = {
            "cloud": "lab-image-import",
            "ceph_user": "image-import",
            "owner_stack": "private-cloud/test-qemu",
        }
        provider = RbdImageProvider()
        made = provider.create(inputs | access)
        assert made.outs
        yield str(made.outs["glance_id"])
        provider.delete(made.id, made.outs)


@pytest.fixture(scope="module")
def network(administrator: Connection) -> Iterator[Any]:
    """A provider network whose DHCP is lab-qemu's."""
    made = administrator.network.create_network(
        name=_name(),
        provider_network_type="vlan",
        provider_physical_network="physnet1",
        provider_segmentation_id=VLAN,
        availability_zone_hints=[ZONE],
    )
    try:
        administrator.network.create_subnet(
            network_id=made.id, ip_version=4, cidr="10.94.0.0/24", gateway_ip="10.94.0.1", dns_nameservers=DNS
        )
        yield made
    finally:
        administrator.network.delete_network(made)


@pytest.fixture(scope="module")
def started(administrator: Connection, image: str, network: Any) -> Iterator[Started]:
    """A server of that image on that network, ACTIVE."""
    flavor = administrator.compute.create_flavor(name=_name(), ram=128, vcpus=1, disk=1)
    administrator.compute.create_flavor_extra_specs(flavor, {f"trait:{TRAIT}": "required"})
    server = administrator.compute.create_server(
        name=_name(), image_id=image, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    try:
        server = administrator.compute.wait_for_server(server, wait=SECONDS)
        (port,) = administrator.network.ports(device_id=server.id)
        yield Started(server, image, port.fixed_ips[0]["ip_address"])
    finally:
        administrator.compute.delete_server(server)
        administrator.compute.wait_for_delete(server, wait=SECONDS)
        administrator.compute.delete_flavor(flavor)


def _name() -> str:
    return f"test-qemu-{secrets.token_hex(4)}"


def console(conn: Connection, server: Any, words: str) -> str:
    """The line of the server's console that contains WORDS, once it is there."""
    deadline = time.monotonic() + SECONDS
    while True:
        text = conn.compute.get_server_console_output(server)["output"] or ""
        for line in text.splitlines():
            if words in line:
                return str(line)
        assert time.monotonic() < deadline, text[-3000:]
        time.sleep(1)


def test_its_console_shows_the_image_and_its_address_came_by_dhcp(lab, administrator, started):
    assert started.server.hypervisor_hostname == NAME
    ready = console(administrator, started.server, "lab-guest: ready")
    assert f"image={guest.digest(lab)} boot=" in ready
    leased = console(administrator, started.server, "lab-guest: eth0")
    assert f"address={started.address}/24 router=10.94.0.1 dns={','.join(DNS)}" in leased


def test_its_root_disk_is_a_clone_of_the_images_snapshot(lab, started):
    with (
        rados.Rados(conffile=str(lab.ceph_conf), name="client.nova") as cluster,
        cluster.open_ioctx("vms") as pool,
        rbd.Image(pool, f"{started.server.id}_disk", read_only=True) as disk,
    ):
        assert disk.parent_info() == ("images", started.image, "snap")


def test_its_port_is_wired_by_the_real_agent(administrator, network, started):
    (port,) = administrator.network.ports(device_id=started.server.id)
    assert (port.status, port.binding_host_id) == ("ACTIVE", NAME)
    assert [agent.host for agent in administrator.network.network_hosting_dhcp_agents(network.id)] == [NAME]


def test_novas_key_cannot_write_images(lab):
    with (
        rados.Rados(conffile=str(lab.ceph_conf), name="client.nova") as cluster,
        cluster.open_ioctx("images") as pool,
    ):
        with pytest.raises(rados.PermissionError):
            pool.write_full(_name(), b"x")
        with pytest.raises(rbd.PermissionError):
            rbd.RBD().create(pool, _name(), 1024**2)


def test_the_users_glance_shows_no_location_and_the_internal_one_does(lab, administrator, image, monkeypatch):
    monkeypatch.setenv("CEPH_CONF", str(lab.ceph_conf))
    shown = administrator.image.get_image(image)
    assert (shown.direct_url, shown.locations) == (None, None)
    seen = administrator.image.get(f"{glance.internal_url(lab)}/v2/images/{image}").json()
    with ceph.pool("images", "image-import") as pool:
        fsid = pool.handle.get_fsid()
    assert seen["direct_url"] == f"rbd://{fsid}/images/{image}/snap"
    assert "locations" not in seen
