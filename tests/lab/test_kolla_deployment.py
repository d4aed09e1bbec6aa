"""A deployment with the real kolla-ansible over real SSH on simulated hosts: results, markers, and what is killed.

The step is prechecks, which changes nothing on a host. What it checks of container images or a real network is not
proven here; deploy with fake images is in tests/lab/test_kolla_lab.py.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients import host_keys
from clients.errors import CloudError
from dynamic_providers.kolla_deployment import kolla, lock, markers
from dynamic_providers.kolla_deployment.provider import KollaDeploymentProvider
from dynamic_providers.kolla_host import inventory
from lab.kolla import configdir
from lab.settings import CHECKOUT, Lab
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts
from tests.managed_hosts import inputs_of
from toolchain.places import Places

pytestmark = pytest.mark.xdist_group(name="hosts")

__all__ = ["simulated_hosts"]

STACK = "test-kolla-deployment"
LEAST = """\
kolla_container_engine: docker
enable_openstack_core: "no"
enable_fluentd: "no"
enable_loadbalancer: "no"
enable_mariadb: "no"
enable_memcached: "no"
enable_rabbitmq: "no"
"""
ROLES = (["control", "network"], ["compute"], ["compute"])
crud = KollaDeploymentProvider()
# The provider in a process of its own, so that it can be killed.
CREATE = (
    "import json, sys; from dynamic_providers.kolla_deployment.provider import KollaDeploymentProvider;"
    "KollaDeploymentProvider().create(json.load(sys.stdin))"
)


@dataclass(frozen=True)
class Site:
    """A configuration and an inventory of the test's own."""

    folder: Path
    hosts: list[SimulatedHost]

    def declare(self, host: SimulatedHost, **variables: str) -> dict[str, Any]:
        """Write the host's inventory file with these variables; return what the deployment is told of it."""
        known = inventory.known_hosts_of(self.folder / "inventory", host.name)
        known.parent.mkdir(exist_ok=True)
        known.write_text(host_keys.pin(host.address, host.port, host.host_key))
        managed = host.managed(known, ROLES[self.hosts.index(host)])
        text = inventory.text(managed, {"network_interface": "mgmt"} | variables)
        inventory.file_of(self.folder / "inventory", host.name).write_text(text)
        return inputs_of(managed) | {"removal": "refuse", "osd_disks": []}

    def inputs(self, hosts: Mapping[str, Any]) -> dict[str, Any]:
        """What the deployment declares."""
        return {
            "stack": STACK,
            "hosts": dict(hosts),
            "configdir": str(self.folder),
            "config_folder": str(self.folder / "config"),
            "inventory": str(self.folder / "inventory"),
            "command": str(Places(CHECKOUT).kolla_programs / "kolla-ansible"),
            "steps": ["bootstrap-servers", "prechecks"],
            "globals": LEAST,
            "cloud": "lab-admin",
        }

    def steps(self, host: SimulatedHost) -> list[str] | None:
        """What the host itself says is done."""
        text = host.run(self.folder, f"cat {markers.PATH} || true")
        return list(json.loads(text)["steps"]) if text else None


@pytest.fixture
def site(
    lab: Lab, simulated_hosts: list[SimulatedHost], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setattr(kolla, "FACTS", tmp_path / "facts")
    (tmp_path / "inventory").mkdir()
    for name in ("globals.yml", "passwords.yml"):
        shutil.copy(configdir.folder(lab) / name, tmp_path)
    hosts = simulated_hosts[:3]

    def clean() -> None:
        for host in hosts:
            host.run(tmp_path, f"rm -f {markers.PATH}")

    clean()
    yield Site(tmp_path, hosts)
    clean()


def create(inputs: dict[str, Any]) -> dict[str, Any]:
    outs = crud.create(inputs).outs
    assert outs is not None
    return outs


def processes_of(site: Site) -> tuple[int, str] | None:
    return lock.by_hand(site.folder, site.folder / "inventory")


def test_of_three_hosts_one_fails_and_one_is_lost_and_the_next_run_goes_on_with_these(
    site: Site, capsys
) -> None:
    one, two, three = site.hosts
    hosts = {one.name: site.declare(one)}
    hosts[two.name] = site.declare(two, network_interface="nosuch0")
    hosts[three.name] = site.declare(three, ansible_port="1")  # Ansible's way is cut, the program's is not
    made = create(site.inputs(hosts))

    results = made["results"]
    assert results[one.name]["ok"]
    assert site.steps(one) == ["prechecks"]
    failed = results[two.name]
    assert (failed["ok"], failed["step"]) == (False, "prechecks")
    assert "interface" in failed["task"]
    assert failed["message"]
    assert Path(failed["log"]).read_text()
    # Ansible says the second where it still had a connection.
    assert any(words in results[three.name]["message"] for words in ("Connection refused", "Broken pipe"))
    assert site.steps(two) is None
    output = capsys.readouterr().err
    assert (
        "step bootstrap-servers is skipped: Ansible's collection openstack.kolla is not installed" in output
    )
    assert "prechecks : " in output, "progress names the task"

    hosts[two.name], hosts[three.name] = site.declare(two), site.declare(three)
    assert crud.diff(STACK, made, site.inputs(hosts)).changes
    mended = crud.update(STACK, made, site.inputs(hosts)).outs
    assert mended is not None
    assert {name: result["ok"] for name, result in mended["results"].items()} == dict.fromkeys(hosts, True)
    assert f"prechecks on {two.name}, {three.name}: " in capsys.readouterr().err
    assert not crud.diff(STACK, mended, site.inputs(hosts)).changes

    found = crud.read(STACK, mended).outs
    assert found is not None
    assert not crud.diff(STACK, found, site.inputs(hosts)).changes
    one.run(site.folder, f"rm {markers.PATH}")
    found = crud.read(STACK, mended).outs
    assert found is not None
    assert "has no marker" in found["results"][one.name]["message"]
    assert crud.diff(STACK, found, site.inputs(hosts)).changes


def test_a_run_that_is_killed_leaves_nothing_running_and_the_next_one_finishes(site: Site, capsys) -> None:
    inputs = site.inputs({site.hosts[1].name: site.declare(site.hosts[1])})
    with subprocess.Popen(
        [sys.executable, "-c", CREATE], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=CHECKOUT, start_new_session=True,
    ) as ours:  # fmt: skip
        assert ours.stdin
        assert ours.stderr
        ours.stdin.write(json.dumps(inputs))
        ours.stdin.close()
        for line in ours.stderr:
            if "prechecks on" in line:
                break
        with pytest.raises(CloudError, match=rf"another run of this program \(pid {ours.pid}\)"):
            crud.create(inputs)
        assert processes_of(site) is not None
        os.killpg(ours.pid, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while processes_of(site) is not None:
        assert time.monotonic() < deadline, f"{processes_of(site)} is still running"
        time.sleep(0.1)
    assert create(inputs)["results"][site.hosts[1].name]["ok"]
    assert site.steps(site.hosts[1]) == ["prechecks"]
    assert "prechecks on" in capsys.readouterr().err


def test_beside_somebodys_own_kolla_ansible_a_run_is_refused_and_does_not_disturb_it(site: Site) -> None:
    inputs = site.inputs({site.hosts[1].name: site.declare(site.hosts[1])})
    programs = Places(CHECKOUT).kolla_programs
    command = [str(programs / "kolla-ansible"), "gather-facts", "--configdir", str(site.folder)]
    with subprocess.Popen(
        [*command, "-i", str(site.folder / "inventory")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
    ) as by_hand:  # fmt: skip
        deadline = time.monotonic() + 15
        while processes_of(site) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(CloudError, match=r"\(pid \d+\) is running with .* wait until it has ended"):
            crud.create(inputs)
        assert by_hand.wait(120) == 0
