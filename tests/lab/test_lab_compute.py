"""Nova, Cinder, Placement and Neutron's agents do what the quotas and images of a stack will be tried on."""

import time
import uuid

import openstack
import pytest
import rados
import rbd

from tests.lab.small_image import image

pytestmark = [pytest.mark.xdist_group(name="hosts"), pytest.mark.nightly]

__all__ = ["image"]

VLAN = 985


@pytest.fixture
def name():
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def network(admin, name):
    """A provider network that asks for a zone, with a subnet with DHCP."""
    made = admin.network.create_network(
        name=name,
        provider_network_type="vlan",
        provider_physical_network="physnet1",
        provider_segmentation_id=VLAN,
        availability_zone_hints=["rack-1"],
    )
    try:
        admin.network.create_subnet(network_id=made.id, ip_version=4, cidr="10.98.5.0/24", name=name)
        yield made
    finally:
        for port in admin.network.ports(network_id=made.id):
            admin.network.delete_port(port)
        admin.network.delete_network(made)


@pytest.fixture
def flavor(admin, name):
    made = admin.compute.create_flavor(name=name, ram=64, vcpus=1, disk=1)
    yield made
    admin.compute.delete_flavor(made)


def test_a_server_becomes_active_with_its_port_bound_on_a_provider_network(
    admin, name, network, flavor, image
):
    server = admin.compute.create_server(
        name=name, image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    try:
        server = admin.compute.wait_for_server(server, wait=120)
        assert server.status == "ACTIVE"
        (port,) = admin.network.ports(device_id=server.id)
        assert port.binding_host_id == "lab"
        assert port.binding_vif_type == "ovs"
        assert port.network_id == network.id
        usages = admin.placement.get(f"/allocations/{server.id}").json()["allocations"]
        assert [row["resources"]["VCPU"] for row in usages.values()] == [1]
    finally:
        admin.compute.delete_server(server)
        admin.compute.wait_for_delete(server, wait=120)
    assert not list(admin.network.ports(device_id=server.id))


def test_a_port_binds_on_the_host_whose_agent_reports_and_on_no_other(admin, network):
    bound = admin.network.create_port(network_id=network.id, binding_host_id="lab")
    assert bound.binding_vif_type == "ovs"
    failed = admin.network.create_port(network_id=network.id, binding_host_id="no-such-host")
    assert failed.binding_vif_type == "binding_failed"


def test_a_network_in_a_known_zone_is_given_to_that_zones_agent(admin, network):
    assert network.availability_zone_hints == ["rack-1"]
    # Neutron looks for an agent when a port appears on a subnet with DHCP.
    admin.network.create_port(network_id=network.id)
    deadline = time.monotonic() + 30
    while not (agents := list(admin.network.network_hosting_dhcp_agents(network.id))):
        assert time.monotonic() < deadline, "no agent was given the network"
        time.sleep(0.5)
    assert [agent.host for agent in agents] == ["rack-1-network"]


def test_an_unknown_zone_is_refused_by_name(admin, name):
    with pytest.raises(openstack.exceptions.HttpException, match="no-such-rack"):
        admin.network.create_network(name=name, availability_zone_hints=["no-such-rack"])


def test_a_volume_from_an_image_is_a_clone_in_the_volumes_pool(lab, admin, name, image):
    volume = admin.block_storage.create_volume(name=name, size=1, image_id=image.id)
    try:
        volume = admin.block_storage.wait_for_status(volume, failures=["error"], wait=120)
        assert volume.volume_type == "rbd"
        with (
            rados.Rados(conffile=str(lab.ceph_conf), name="client.cinder") as cluster,
            cluster.open_ioctx("volumes") as pool,
            rbd.Image(pool, f"volume-{volume.id}", read_only=True) as disk,
        ):
            assert disk.parent_info() == ("images", image.id, "snap")
            assert disk.read(0, 6) == b"lablab"
    finally:
        admin.block_storage.delete_volume(volume)
        admin.block_storage.wait_for_delete(volume, wait=120)
    with (
        rados.Rados(conffile=str(lab.ceph_conf), name="client.cinder") as cluster,
        cluster.open_ioctx("volumes") as pool,
    ):
        assert f"volume-{volume.id}" not in rbd.RBD().list(pool)


def test_where_an_image_is_remains_hidden_from_its_users(admin, image):
    shown = admin.image.get_image(image.id)
    assert (shown.direct_url, shown.locations) == (None, None)


def test_the_quotas_of_compute_network_and_volumes_can_be_set_and_are_kept(admin, name):
    project = admin.identity.create_project(name=name, domain_id="default")
    try:
        admin.compute.update_quota_set(project, instances=3, cores=5, ram=4096)
        admin.network.update_quota(project.id, networks=2, ports=7)
        admin.block_storage.update_quota_set(project, volumes=4, gigabytes=40)
        compute = admin.compute.get_quota_set(project)
        assert (compute.instances, compute.cores, compute.ram) == (3, 5, 4096)
        network = admin.network.get_quota(project.id)
        assert (network.networks, network.ports) == (2, 7)
        volume = admin.block_storage.get_quota_set(project)
        assert (volume.volumes, volume.gigabytes) == (4, 40)
    finally:
        admin.compute.revert_quota_set(project)
        admin.network.delete_quota(project.id)
        admin.block_storage.revert_quota_set(project)
        admin.identity.delete_project(project)


def test_a_server_beyond_its_projects_quota_is_refused(admin, name, network, flavor, image):
    project = admin.current_project_id
    before = admin.compute.get_quota_set(project).instances
    admin.compute.update_quota_set(project, instances=0)
    try:
        with pytest.raises(openstack.exceptions.ForbiddenException, match="Quota exceeded for instances"):
            admin.compute.create_server(
                name=name, image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
            )
    finally:
        admin.compute.update_quota_set(project, instances=before)
