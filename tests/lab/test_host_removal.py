"""A host leaves a real Nova, Neutron and Placement; what Kolla leaves on one is looked for on a simulated host.

Its nova-compute has Nova's fake driver, so that instances run nowhere, and its agents are FAKE: what is shown is
that records, placement and schedules follow, not that a guest survives its migration. `kolla-ansible destroy`
itself is shown by tests/lab/test_kolla_deployment.py.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from clients import host_keys, ssh
from clients.errors import InUseError
from dynamic_providers.kolla_deployment import leftovers, neutron_host, nova_host, removal, verification
from dynamic_providers.kolla_deployment.ceph_host import Clouds
from dynamic_providers.kolla_deployment.deployment import DeployedHost
from dynamic_providers.kolla_deployment.markers import PATH
from lab.fakes.neutron_agents import ZONES
from tests.lab.own_compute_host import OwnHost, dhcp_agent, l3_agent, metadata_agent, own_host, until
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts
from tests.lab.small_image import image
from tests.managed_hosts import managed_host, ssh_host

pytestmark = pytest.mark.xdist_group(name="hosts")

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from openstack.connection import Connection

    from clients.ssh import SshHost
    from lab.settings import Lab

__all__ = ["image", "simulated_hosts"]

CLOUD = "lab-admin"
VLAN = 984
ZONE = "rack-1"
ENGINE = "docker"
MADE = f"test-{secrets.token_hex(3)}"
STAYING = {"control-1": {"control"}}


@pytest.fixture(autouse=True)
def _settings(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
    monkeypatch.setenv("CEPH_CONF", str(lab.ceph_conf))


@pytest.fixture
def going(lab: Lab, admin: Connection) -> Iterator[OwnHost]:
    with own_host(lab, admin) as host:
        host.start_compute()
        host.start_agents(dhcp_agent(host.name, ZONE), l3_agent(host.name), metadata_agent(host.name))
        yield host


@dataclass
class Used:
    """What a project has on the host: a running and a stopped instance, a router, a network's DHCP."""

    conn: Connection
    host: str
    router: str
    network: str
    running: str
    stopped: str


@pytest.fixture
def used(admin: Connection, going: OwnHost, image: Any) -> Iterator[Used]:
    name = going.name
    network = admin.network.create_network(
        name=name,
        provider_network_type="vlan",
        provider_physical_network="physnet1",
        provider_segmentation_id=VLAN,
        availability_zone_hints=list(ZONES),  # where the fakes are: a drain may move it to lab-qemu otherwise
    )
    router = flavor = None
    servers = []
    try:
        subnet = admin.network.create_subnet(
            network_id=network.id, ip_version=4, cidr="10.98.4.0/24", name=name
        )
        router = admin.network.create_router(name=name)
        admin.network.add_interface_to_router(router, subnet=subnet.id)
        agents = {agent.agent_type: agent.id for agent in neutron_host.agents(admin, name)}
        hosting = admin.network.post(
            f"/agents/{agents['L3 agent']}/l3-routers", json={"router_id": router.id}
        )
        assert hosting.ok, hosting.text
        for agent in admin.network.network_hosting_dhcp_agents(network.id):
            unserved(admin, agent.id, network.id)
        serving = admin.network.post(
            f"/agents/{agents['DHCP agent']}/dhcp-networks", json={"network_id": network.id}
        )
        assert serving.ok, serving.text
        flavor = admin.compute.create_flavor(name=name, ram=64, vcpus=1, disk=0)
        for kind in ("running", "stopped"):
            made = admin.compute.create_server(
                name=f"{name}-{kind}",
                image_id=image.id,
                flavor_id=flavor.id,
                networks=[{"uuid": network.id}] if kind == "running" else "none",
                availability_zone=f"nova:{name}",
            )
            servers.append(admin.compute.wait_for_server(made, wait=120))
        admin.compute.stop_server(servers[1])
        admin.compute.wait_for_server(servers[1], status="SHUTOFF", wait=60)
        yield Used(admin, name, router.id, network.id, servers[0].id, servers[1].id)
    finally:
        for server in servers:
            admin.compute.delete_server(server, force=True)
        for server in servers:
            admin.compute.wait_for_delete(server, wait=120)
        if flavor:
            admin.compute.delete_flavor(flavor)
        if router:
            admin.network.remove_interface_from_router(router, subnet=subnet.id)
            admin.network.delete_router(router)
        for port in admin.network.ports(network_id=network.id):
            admin.network.delete_port(port)
        admin.network.delete_network(network)


@pytest.fixture
def machine(simulated_hosts: list[SimulatedHost], tmp_path: Path) -> Iterator[SshHost]:
    """A simulated host with a container, two volumes and a marker as Kolla's and ours."""
    simulated = simulated_hosts[-1]
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(
        host_keys.pin(simulated.address, simulated.port, simulated.host_key), encoding="utf-8"
    )
    reached = simulated.ssh_host(known_hosts)
    assert not leftovers.of(reached, ENGINE).marker, f"{simulated.name} is in a stack: take it out first"
    simulated.run(
        tmp_path,
        f"""set -e
tar --create --files-from /dev/null | {ENGINE} import - {MADE} > /dev/null
{ENGINE} volume create --label kolla_managed=true {MADE} > /dev/null
{ENGINE} volume create --label kolla_managed=true {MADE}-left > /dev/null
{ENGINE} create --name {MADE} --label kolla_version=22 --volume {MADE}:/data {MADE} true > /dev/null
{ENGINE} create --name {MADE}-other {MADE} true > /dev/null
mkdir -p /etc/kolla
touch {PATH}""",
    )
    yield reached
    simulated.run(
        tmp_path,
        f"{ENGINE} rm --force {MADE} {MADE}-other; {ENGINE} volume rm --force {MADE} {MADE}-left;"
        f" {ENGINE} rmi {MADE}; rm -f {PATH}",
    )


def unserved(admin: Connection, agent: str, network: str) -> None:
    """Takes a network from a DHCP agent. The SDK's own call sends a body, which Neutron refuses, and looks at no answer."""
    answer = admin.network.delete(f"/agents/{agent}/dhcp-networks/{network}")
    assert answer.ok, answer.text


def without_others_networks(admin: Connection, host: str, own: str | None = None) -> None:
    """Takes from the host's DHCP agent what Neutron gave it of tests beside this one."""
    (agent,) = (agent.id for agent in neutron_host.agents(admin, host) if agent.agent_type == "DHCP agent")
    for network in admin.network.dhcp_agent_hosting_networks(agent):
        if network.id != own:
            unserved(admin, agent, network.id)


def unreachable(name: str, folder: Path) -> SshHost:
    """A host where nobody answers."""
    key = folder / "key"
    key.touch()
    return ssh_host(
        name, address="127.0.0.1", port=9, private_key_file=key, known_hosts_file=folder / "known_hosts"
    )


def leaving(host: SshHost, how: str) -> DeployedHost:
    going = managed_host(host, roles=("compute", "network"))
    return DeployedHost(**dict(going), removal=how, osd_disks=[])


def records(conn: Connection, host: str) -> list[str]:
    """Everything that bears the host's name."""
    found = [service.binary for service in nova_host.services(conn, host)]
    found += [agent.agent_type for agent in neutron_host.agents(conn, host)]
    rows = conn.compute.get("/os-hypervisors").json()["hypervisors"]
    found += [row["hypervisor_hostname"] for row in rows if row["hypervisor_hostname"] == host]
    rows = conn.placement.get("/resource_providers", params={"name": host}).json()["resource_providers"]
    return found + [row["name"] for row in rows]


def test_a_host_in_use_is_refused_by_every_users_name_then_drained_and_gone_without_a_trace(
    lab: Lab,
    admin: Connection,
    *,
    going: OwnHost,
    used: Used,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = unreachable(going.name, tmp_path)
    told: list[str] = []

    def log_line(line: str) -> None:
        told.append(line)
        if line.startswith("warning: "):  # it is looked for at the machine, when it is empty
            going.stop()

    monkeypatch.setattr(removal, "log_line", log_line)

    def remove(how: str) -> dict[str, str]:
        hosts = [leaving(machine, how)]
        return removal.Removal(hosts, STAYING, Clouds(CLOUD, "admin"), _nothing, within=180).run()

    without_others_networks(admin, going.name, used.network)
    with pytest.raises(InUseError) as refusal:
        remove("refuse")
    assert str(refusal.value) == (
        f"{going.name} is in use by 2 instance(s): {going.name}-running ({used.running}, project admin),"
        f" {going.name}-stopped ({used.stopped}, project admin); 1 router(s): {going.name} ({used.router});"
        f" 1 DHCP network(s): {going.name} ({used.network}): move or delete them, or declare the host once more with"
        " removal: drain before it goes"
    )
    assert [one.status for one in nova_host.computes(admin, going.name)] == ["enabled"]

    with own_host(lab, admin) as other:
        other.start_agents(l3_agent(other.name))
        assert remove("drain") == {}
        assert [agent.host for agent in admin.network.routers_hosting_l3_agents(used.router)] == [other.name]
        admin.network.delete(f"/agents/{_l3(admin, other.name)}/l3-routers/{used.router}")
    dhcp = [agent.host for agent in admin.network.network_hosting_dhcp_agents(used.network)]
    assert len(dhcp) == 1
    assert dhcp[0].endswith("-network")
    for id_, status in ((used.running, "ACTIVE"), (used.stopped, "SHUTOFF")):
        now = nova_host.instance(admin, id_)
        assert now is not None
        assert (now.compute_host, now.status, now.task_state) == ("lab", status, None)
    (port,) = admin.network.ports(device_id=used.running)
    assert (port.binding_host_id, port.binding_vif_type) == ("lab", "ovs")
    assert admin.network.get(f"/routers/{used.router}/tags").json() == {"tags": []}
    assert records(admin, going.name) == []
    assert told[-1] == f"{going.name}: removed"
    assert remove("refuse") == {}


@pytest.mark.nightly
def test_a_dead_host_goes_from_every_record_with_a_warning(
    admin: Connection, going: OwnHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = verification.missing(CLOUD, {going.name: ["compute", "network"]}, within=0)
    assert found == {}
    going.stop()
    until(
        lambda: not nova_host.is_up(nova_host.computes(admin, going.name)[0]),
        "Nova knows that it is down",
        120,
    )
    without_others_networks(admin, going.name)
    dead = unreachable(going.name, tmp_path)
    told: list[str] = []
    monkeypatch.setattr(removal, "log_line", told.append)
    assert removal.Removal([leaving(dead, "refuse")], STAYING, Clouds(CLOUD), _nothing, within=1).run() == {}
    assert records(admin, going.name) == []
    assert [line for line in told if line.startswith("warning: ") and "cannot be reached" in line]
    found = verification.missing(CLOUD, {going.name: ["compute"]}, within=0)
    assert [sentence.split(";")[0] for sentence in found[going.name]] == [
        f"Nova has no compute service of {going.name}",
        f"Neutron has no Open vSwitch agent of {going.name}",
    ]


def test_what_an_interrupted_removal_disabled_serves_again_once_the_host_is_verified(
    admin: Connection, going: OwnHost
) -> None:
    nova_host.disable(admin, going.name)
    neutron_host.disable(admin, going.name)
    down = [
        agent.agent_type for agent in neutron_host.agents(admin, going.name) if not agent.is_admin_state_up
    ]
    assert sorted(down) == ["DHCP agent", "L3 agent"]
    assert verification.missing(CLOUD, {going.name: ["compute", "network"]}, within=0) == {}
    serving = [
        agent.agent_type for agent in neutron_host.agents(admin, going.name) if agent.is_admin_state_up
    ]
    assert sorted(serving) == ["DHCP agent", "L3 agent", "Metadata agent", "Open vSwitch agent"]
    until(
        lambda: [one.status for one in nova_host.computes(admin, going.name)] == ["enabled"],
        "it is enabled",
        10,
    )


def test_what_kolla_made_on_a_host_is_found_by_its_labels_and_the_rest_is_left(machine: SshHost) -> None:
    found = leftovers.of(machine, ENGINE)
    assert (found.engine, found.marker) == (True, True)
    assert _own(found.containers) == (MADE,)
    assert _own(found.volumes) == (MADE, f"{MADE}-left")
    # As Kolla does: the volumes of containers that are there.
    ssh.run(machine, [ENGINE, "rm", "--force", MADE])
    ssh.run(machine, [ENGINE, "volume", "rm", MADE])
    leftovers.unmark(machine)
    left = leftovers.of(machine, ENGINE)
    assert (_own(left.containers), left.marker) == ((), False)
    assert _own(left.volumes) == (f"{MADE}-left",)
    leftovers.clear(machine, ENGINE, replace(left, volumes=_own(left.volumes)))
    assert _own(leftovers.of(machine, ENGINE).volumes) == ()
    assert f"{MADE}-other" in ssh.run(machine, [ENGINE, "ps", "--all", "--format", "{{.Names}}"])
    assert not leftovers.of(machine, "no-such-engine").engine


def _own(names: tuple[str, ...]) -> tuple[str, ...]:
    """Without what other tests left on the host."""
    return tuple(name for name in names if name.startswith(MADE))


def _l3(conn: Connection, host: str) -> str:
    (agent,) = (agent for agent in neutron_host.agents(conn, host) if agent.agent_type == "L3 agent")
    return agent.id


def _nothing(names: Sequence[str]) -> dict[str, str]:
    raise AssertionError(names)
