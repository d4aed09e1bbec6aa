"""Real Kolla-Ansible, run by hand against a simulated host: what the lab's fake images prove, and what they cannot."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openstack.connection import Connection

from lab.registry import fake_images
from lab.settings import Lab
from tests.lab import kolla_by_hand
from tests.lab.kolla_by_hand import KollaByHand
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts

pytestmark = [pytest.mark.xdist_group(name="hosts"), pytest.mark.nightly]

__all__ = ["simulated_hosts"]

ROLES = ("control", "network", "compute")
COMMON = ("cron", "kolla_toolbox")
SECONDS = 90.0


@pytest.fixture
def idle_host(simulated_hosts: list[SimulatedHost], tmp_path: Path) -> Iterator[SimulatedHost]:
    """A host that runs no containers; it runs none afterwards."""
    for host in reversed(simulated_hosts):
        if not host.run(tmp_path, "docker ps -aq").strip():
            break
    else:
        pytest.skip("every simulated host is in use: remove what is deployed on one of them")
    yield host
    host.run(
        tmp_path,
        "systemctl daemon-reload; systemctl stop 'kolla-*-container.service'; "
        "rm -f /etc/systemd/system/kolla-*-container.service /run/lab-*.json; systemctl daemon-reload; "
        "docker ps -aq | xargs --no-run-if-empty docker rm -f; docker volume prune -f; rm -rf /etc/kolla",
    )


@pytest.fixture
def kolla(lab: Lab, tmp_path: Path, idle_host: SimulatedHost) -> KollaByHand:
    """A folder for that host."""
    return kolla_by_hand.make(lab, tmp_path / "kolla", idle_host, ROLES)


def _image(lab: Lab, name: str) -> str:
    return f"{lab.machine_address}:{lab.ports.registry}/{fake_images.NAMESPACE}/{name}:{fake_images.TAG}"


def test_kollas_prechecks_pass_on_a_simulated_host(kolla: KollaByHand) -> None:
    output = kolla.run("prechecks")
    assert "Checking docker SDK version" in output
    assert "Check if external database address is reachable" in output


def test_kolla_deploys_containers_that_find_their_configuration(
    kolla: KollaByHand, idle_host: SimulatedHost, tmp_path: Path
) -> None:
    kolla.run("deploy", "--tags", "common,cron")
    for name in COMMON:
        found = json.loads(idle_host.run(tmp_path, f"docker inspect {name}"))[0]
        assert found["State"]["Running"]
        assert found["RestartCount"] == 0
        assert found["Config"]["Labels"]["org.opencontainers.image.title"].startswith("FAKE of Kolla's")
        assert "the real image would run:" in idle_host.run(tmp_path, f"docker logs {name}")
        unit = f"kolla-{name}-container.service"
        assert idle_host.run(tmp_path, f"systemctl is-active {unit}").strip() == "active"


def test_a_fake_image_cannot_prove_that_a_configuration_is_right(
    lab: Lab, idle_host: SimulatedHost, tmp_path: Path
) -> None:
    """It runs on with a nova.conf that no nova-compute would start with, and its health check is well."""
    idle_host.run(
        tmp_path,
        "mkdir -p /etc/kolla/nova-compute; echo 'no configuration at all' > /etc/kolla/nova-compute/nova.conf; "
        "cat > /etc/kolla/nova-compute/config.json",
        given=json.dumps(
            {
                "command": "nova-compute",
                "config_files": [
                    {"source": "/var/lib/kolla/config_files/nova.conf", "dest": "/etc/nova/nova.conf"}
                ],
            }
        ),
    )
    idle_host.run(
        tmp_path,
        "docker run --detach --name not_nova --volume /etc/kolla/nova-compute:/var/lib/kolla/config_files:ro "
        + _image(lab, "nova-compute"),
    )
    assert "healthcheck_port nova-compute 5672" in idle_host.run(
        tmp_path, "docker exec not_nova healthcheck_port nova-compute 5672"
    )
    assert idle_host.run(tmp_path, "docker inspect -f '{{.State.Running}}' not_nova").strip() == "true"


def test_nova_and_neutron_see_a_host_exactly_while_its_containers_run(
    lab: Lab, idle_host: SimulatedHost, tmp_path: Path, admin: Connection
) -> None:
    """The real Nova and Neutron; what they hear comes from the lab's fake agents, whatever the containers do."""
    names = {"nova_compute": "nova-compute", "neutron_openvswitch_agent": "neutron-openvswitch-agent"}
    for container, image in names.items():
        # Not what Kolla would start them as; that they run is all that the fake agents look at.
        idle_host.run(
            tmp_path, f"docker run --detach --init --name {container} {_image(lab, image)} sleep 1000"
        )
    try:
        _wait(lambda: _compute(admin, idle_host.name) == ["up"], "Nova does not see the host")
        _wait(lambda: _agents(admin, idle_host.name) == [True], "Neutron does not see the agent")
        _wait(lambda: idle_host.name in _hypervisors(admin), "the cell has not taken the host in")
        idle_host.run(tmp_path, f"docker rm -f {' '.join(names)}")
        _wait(lambda: _compute(admin, idle_host.name) == ["down"], "Nova still sees the host")
        _wait(lambda: _agents(admin, idle_host.name) == [False], "Neutron still sees the agent")
    finally:
        idle_host.run(tmp_path, f"docker rm -f {' '.join(names)} 2> /dev/null || true")
        for service in admin.compute.services(host=idle_host.name):
            admin.compute.delete_service(service)
        for agent in admin.network.agents(host=idle_host.name):
            admin.network.delete_agent(agent)


def _compute(admin: Connection, host: str) -> list[str]:
    return [row.state for row in admin.compute.services(binary="nova-compute") if row.host == host]


def _hypervisors(admin: Connection) -> list[str]:
    return [row.name for row in admin.compute.hypervisors()]


def _agents(admin: Connection, host: str) -> list[bool]:
    return [row.is_alive for row in admin.network.agents(host=host)]


def _wait(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(2)
