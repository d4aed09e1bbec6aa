"""OS images of the lab's simulated hosts, over SSH. Their restarts are real; their bootc is the lab's fake.

What this does not prove: that an image boots, that its signature is checked, or what it does to /etc.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clients import host_keys
from dynamic_providers.host_os import pending_upgrade
from dynamic_providers.host_os.provider import HostOsProvider
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts
from tests.managed_hosts import inputs_of

pytestmark = pytest.mark.xdist_group(name="hosts")

__all__ = ["simulated_hosts"]

ROOT = Path(__file__).parents[2]
FIRST = "registry.lab.example/host:1"
SECOND = "registry.lab.example/host:2"
WAIT_S = 40
NAMES = ("lab-host-1", "lab-host-2", "lab-host-3")

crud: Any = HostOsProvider()


class Hosts:
    """The first three simulated hosts."""

    def __init__(self, hosts: list[SimulatedHost], folder: Path) -> None:
        self._hosts = {host.name: host for host in hosts[: len(NAMES)]}
        self._folder = folder
        self._known_hosts = folder / "known_hosts"
        pins = [host_keys.pin(host.address, host.port, host.host_key) for host in self._hosts.values()]
        self._known_hosts.write_text("".join(pins), encoding="utf-8")

    def declared(self, image=SECOND, roles=("storage",)):
        """The provider's inputs."""
        hosts = [
            inputs_of(host.managed(self._known_hosts, roles)) | {"image": image, "serial": 1.0}
            for host in self._hosts.values()
        ]
        return {"hosts": hosts, "cloud": "lab-admin", "wait": WAIT_S}

    def run(self, name, command):
        """What a command prints there."""
        return self._hosts[name].run(self._folder, command).strip()

    def boots(self):
        """The boot id of each."""
        return {name: self.run(name, "cat /proc/sys/kernel/random/boot_id") for name in NAMES}

    def booted(self):
        """The image of each."""
        output = {name: json.loads(self.run(name, "bootc status --json")) for name in NAMES}
        return {name: each["status"]["booted"]["image"]["image"]["image"] for name, each in output.items()}

    def as_installed(self):
        """The first image on each, and its engine up."""
        for name in NAMES:
            self.run(
                name,
                f"rm -rf /var/lib/fake-bootc /run/fake-bootc {pending_upgrade.FILE}; "
                "systemctl start docker.socket docker.service",
            )


@pytest.fixture
def hosts(simulated_hosts, tmp_path):
    made = Hosts(simulated_hosts, tmp_path)
    made.as_installed()
    yield made
    made.as_installed()


def test_hosts_restart_into_their_image_one_after_another_and_no_other_does(hosts, capfd):
    before, props, names = hosts.boots(), hosts.declared(), NAMES[:2]
    props["hosts"] = props["hosts"][:2]
    outs = crud.create(props).outs
    assert {name: found["ok"] for name, found in outs["results"].items()} == dict.fromkeys(names, True)
    assert hosts.booted() == dict.fromkeys(names, SECOND) | {NAMES[2]: FIRST}
    assert {name for name, boot in hosts.boots().items() if boot != before[name]} == set(names)
    up_since = [float(hosts.run(name, "stat -c %.9Y /proc/1")) for name in names]
    assert up_since == sorted(up_since)
    messages = [
        line for line in capfd.readouterr().err.splitlines() if "restarting" in line or "is well" in line
    ]
    assert [line.split(":")[0] for line in messages] == [name for name in names for _ in range(2)]

    assert not crud.diff("host-os", crud.read("host-os", outs).outs, outs).changes
    after = hosts.boots()
    assert crud.create(props).outs["results"] == outs["results"]
    assert hosts.boots() == after


def test_a_host_whose_engine_stays_down_is_rolled_back_and_the_third_is_untouched(hosts):
    before = hosts.boots()
    props = hosts.declared()
    props["hosts"][1]["image"] = "registry.lab.example/host:no-engine"
    outs = crud.create(props | {"wait": 12}).outs
    assert [outs["results"][name]["ok"] for name in NAMES] == [True, False, False]
    assert "its container engine is not up" in outs["results"]["lab-host-2"]["message"]
    assert "it was rolled back to registry.lab.example/host:1" in outs["results"]["lab-host-2"]["message"]
    assert hosts.booted() == dict(zip(NAMES, (SECOND, FIRST, FIRST), strict=True))
    assert hosts.boots()["lab-host-3"] == before["lab-host-3"]
    assert hosts.run("lab-host-2", "systemctl is-active docker") == "active"


def test_a_boot_loader_that_falls_back_stops_the_rollout(hosts):
    outs = crud.create(hosts.declared("registry.lab.example/host:falls-back")).outs
    assert "its boot loader fell back" in outs["results"]["lab-host-1"]["message"]
    assert [outs["results"][name].get("untouched") for name in NAMES] == [False, True, True]


def test_no_control_host_restarts_while_another_one_has_no_engine(hosts):
    before = hosts.boots()
    hosts.run("lab-host-3", "systemctl stop docker.socket docker.service")
    outs = crud.create(hosts.declared(roles=["control"])).outs
    assert "the quorum would be at stake" in outs["results"]["lab-host-1"]["message"]
    assert "lab-host-3" in outs["results"]["lab-host-1"]["message"]
    assert hosts.boots() == before


@pytest.mark.nightly
def test_a_run_killed_while_a_host_restarts_is_gone_on_with(hosts):
    script = (
        "import json, sys; from dynamic_providers.host_os.provider import HostOsProvider;"
        " HostOsProvider().create(json.load(sys.stdin))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as run:
        assert run.stdin
        assert run.stderr
        run.stdin.write(json.dumps(hosts.declared()))
        run.stdin.close()
        for line in run.stderr:
            if line.startswith("lab-host-2: waiting") or "lab-host-2: restarting" in line:
                break
        else:
            pytest.fail("the run ended before lab-host-2 restarted")
        # Let the restart begin: the run is then somewhere between the command and the proof.
        subprocess.run(["sleep", "1"], check=True)
        os.kill(run.pid, signal.SIGKILL)
    outs = crud.create(hosts.declared()).outs
    assert {name: found["ok"] for name, found in outs["results"].items()} == dict.fromkeys(NAMES, True)
    assert hosts.booted() == dict.fromkeys(NAMES, SECOND)
    assert all(
        hosts.run(name, f"cat {pending_upgrade.FILE} 2>/dev/null || echo none") == "none" for name in NAMES
    )


@pytest.mark.nightly
def test_a_refresh_finds_a_host_switched_by_hand_and_the_next_run_takes_it_back(hosts):
    props = hosts.declared(FIRST)
    outs = crud.create(props).outs
    hosts.run("lab-host-3", "bootc switch registry.lab.example/host:9")
    found = crud.read("host-os", outs).outs
    assert [found["results"][name]["ok"] for name in NAMES] == [True, True, False]
    outs = crud.update("host-os", found, props).outs
    assert {name: found["ok"] for name, found in outs["results"].items()} == dict.fromkeys(NAMES, True)
    assert hosts.booted()["lab-host-3"] == FIRST
