"""The order in which a host comes up, as its systemd tells it.

The simulated hosts are Debian, where Open vSwitch's unit has another name; the script and its place in the order are
the host image's.
"""

import pytest

from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts

pytestmark = pytest.mark.xdist_group(name="hosts")

__all__ = ["simulated_hosts"]

MOMENTS = ("InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")


def moments(host: SimulatedHost, folder, unit: str) -> tuple[int, int]:
    """When a unit began to start and when it was up, in microseconds since the machine's boot; 0 for never."""
    properties = " ".join(f"--property={moment}" for moment in MOMENTS)
    shown = host.run(folder, f"systemctl show {unit} {properties}")
    found = dict(line.split("=") for line in shown.splitlines())
    began, up = (int(found[moment]) for moment in MOMENTS)
    return began, up


@pytest.mark.parametrize("number", range(3))
def test_a_hosts_network_is_up_after_open_vswitch_and_before_the_container_engine_starts(
    simulated_hosts, tmp_path, number
):
    host = simulated_hosts[number]
    _, switch_up = moments(host, tmp_path, "openvswitch-switch.service")
    network_began, network_up = moments(host, tmp_path, "host-network.service")
    engine_began, engine_up = moments(host, tmp_path, "docker.service")
    online_began, _ = moments(host, tmp_path, "network-online.target")
    assert 0 < switch_up <= network_began < network_up <= engine_began < engine_up
    assert network_up <= online_began


def test_the_management_address_answers_on_the_bond_without_neutron(simulated_hosts, tmp_path):
    host = simulated_hosts[0]
    assert host.run(tmp_path, "ovs-vsctl get-fail-mode br-link").strip() == "standalone"
    assert host.run(tmp_path, "ovs-vsctl get-fail-mode br-ex").strip() == "secure"
    assert host.run(tmp_path, "ovs-vsctl port-to-br mgmt").strip() == "br-link"
    assert host.address in host.run(tmp_path, "ip -brief address show dev mgmt")
