"""The stack of Pulumi.hosts.yaml as a whole: three simulated hosts enrolled by the real Kolla-Ansible, and out again.

The images that Kolla deploys are stand-ins (tests/lab/test_kolla_lab.py says what they do not prove); the services
that Nova and Neutron see are the lab's fake agents', which act while Kolla's containers run.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from openstack.connection import Connection

from lab.kolla import configdir
from lab.settings import CHECKOUT, Lab
from tests.lab.own_stack import OwnStack, own_stack
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts
from toolchain.places import Places

__all__ = ["simulated_hosts"]

CONTROL, COMPUTE, LEAVING = "lab-host-1", "lab-host-2", "lab-host-3"


def declared(lab: Lab, hosts: Sequence[SimulatedHost], folder: Path) -> dict[str, Any]:
    """The stack file's keys, for this lab's addresses and with a folder of the test's own for Kolla."""
    text = (CHECKOUT / "Pulumi.hosts.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)["config"]
    keys = {key.removeprefix("private-cloud:"): value for key, value in config.items()}
    keys["management"] |= {"cidr": str(lab.host_network), "gateway": lab.machine_address}
    keys["kolla"] |= {
        "command": str(Places(CHECKOUT).kolla_programs / "kolla-ansible"),
        "configdir": str(folder),
        "inventory": str(folder / "inventory"),
        "kickstarts": str(folder / "kickstarts"),
        "ssh": {"user": hosts[0].user, "private_key_file": hosts[0].private_key_file},
    }
    found = {host.name: host.address for host in hosts}
    # Other tests' networks and instances come to these hosts too, as to any.
    keys["hosts"] = [host | {"address": found[host["name"]], "removal": "drain"} for host in keys["hosts"]]
    return keys


@pytest.fixture(scope="module")
def folder(lab: Lab, simulated_hosts: list[SimulatedHost], tmp_path_factory: Any) -> Path:
    """Kolla's folder, with the operator's two files, which the lab has while it has hosts."""
    assert simulated_hosts
    made: Path = tmp_path_factory.mktemp("kolla")
    for name in ("globals.yml", "passwords.yml"):
        shutil.copy(configdir.folder(lab) / name, made)
    return made


@pytest.fixture(scope="module")
def stack(
    lab: Lab, simulated_hosts: list[SimulatedHost], folder: Path, tmp_path_factory: Any
) -> Iterator[OwnStack]:
    """All three hosts enrolled; destroyed afterwards."""
    config = declared(lab, simulated_hosts, folder)
    with own_stack(tmp_path_factory.mktemp("program"), config) as made:
        yield made


def on(hosts: Sequence[SimulatedHost], name: str, folder: Path, command: str) -> str:
    """What a command prints on a host."""
    (host,) = (host for host in hosts if host.name == name)
    return host.run(folder, command).strip()


def test_every_host_is_enrolled_and_nothing_is_left_to_do(stack: OwnStack) -> None:
    results = {name: host["result"] for name, host in stack.outputs["hosts"].items()}
    assert results == dict.fromkeys((CONTROL, COMPUTE, LEAVING), "enrolled")
    stack.preview_is_empty()
    stack.preview_is_empty("--refresh")


def test_nova_and_neutron_see_the_hosts(stack: OwnStack, admin: Connection) -> None:
    assert stack
    computes = {service.host: service.state for service in admin.compute.services(binary="nova-compute")}
    assert computes[COMPUTE] == computes[LEAVING] == "up"
    alive = {(agent.host, agent.agent_type) for agent in admin.network.agents() if agent.is_alive}
    assert {(name, "Open vSwitch agent") for name in (CONTROL, COMPUTE, LEAVING)} <= alive
    assert {(CONTROL, kind) for kind in ("DHCP agent", "L3 agent", "Metadata agent")} <= alive


def test_each_host_says_what_kolla_did_on_it(
    stack: OwnStack, simulated_hosts: list[SimulatedHost], tmp_path: Path
) -> None:
    assert stack
    for name in (CONTROL, COMPUTE, LEAVING):
        marker = json.loads(on(simulated_hosts, name, tmp_path, "cat /etc/kolla/.private-cloud.json"))
        assert marker["steps"][:3] == ["prechecks", "pull", "deploy"]
    names = on(simulated_hosts, CONTROL, tmp_path, "docker ps --format '{{.Names}}'").split()
    assert {"nova_api", "neutron_server", "neutron_l3_agent"} <= set(names)


def test_a_host_that_leaves_is_emptied_and_forgotten_by_all(
    stack: OwnStack, admin: Connection, lab: Lab, simulated_hosts: list[SimulatedHost], folder: Path
) -> None:
    config = declared(lab, simulated_hosts, folder)
    config["hosts"] = [host for host in config["hosts"] if host["name"] != LEAVING]
    stack.declare(config)
    stack.up()
    assert LEAVING not in {service.host for service in admin.compute.services()}
    assert LEAVING not in {agent.host for agent in admin.network.agents()}
    assert not (folder / "inventory" / f"host-{LEAVING}.yml").exists()
    left = on(
        simulated_hosts, LEAVING, folder, "docker ps -aq; docker volume ls -q; ls -A /etc/kolla || true"
    )
    assert not left
    stack.preview_is_empty("--refresh")
