"""New Relic's agent brought to the lab's simulated hosts by real Ansible over SSH; the agent there is the lab's fake.

What this does not prove: that New Relic is reached and knows the key, or that the real agent likes the file.
"""

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients import host_keys
from clients.errors import CloudError
from dynamic_providers.monitoring_agent import delivery
from dynamic_providers.monitoring_agent.declared import PATH
from dynamic_providers.monitoring_agent.provider import MonitoringAgentProvider
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts
from tests.managed_hosts import inputs_of

pytestmark = pytest.mark.xdist_group(name="hosts")

__all__ = ["simulated_hosts"]

ROOT = Path(__file__).parents[2]
KOLLA = ROOT / ".cloud/kolla/programs/kolla-ansible"
KEY, OTHER_KEY = secrets.token_hex(20), secrets.token_hex(20)  # hosts may remember those of former runs
NAMES = ("lab-host-1", "lab-host-2", "lab-host-3")
# How often the journal has the text that is given, and which files: not as an argument, which sudo would log.
WHERE_ELSE = (
    "umask 077; cat > /run/sought; journalctl --no-pager | grep -cFf /run/sought; "
    "grep -rlsFf /run/sought /etc /home /root /tmp /run/user /var/log /var/tmp; rm /run/sought"
)

crud: Any = MonitoringAgentProvider()


class Hosts:
    """The first three simulated hosts, and an inventory of them."""

    def __init__(self, hosts: list[SimulatedHost], folder: Path) -> None:
        self._hosts = {host.name: host for host in hosts[: len(NAMES)]}
        self._folder = folder
        self._known_hosts = folder / "known_hosts"
        pins = [host_keys.pin(host.address, host.port, host.host_key) for host in self._hosts.values()]
        self._known_hosts.write_text("".join(pins), encoding="utf-8")
        self.logs = folder / "logs"
        inventory = {
            host.name: {
                "ansible_host": host.address,
                "ansible_port": host.port,
                "ansible_user": host.user,
                "ansible_ssh_private_key_file": host.private_key_file,
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={self._known_hosts} -o StrictHostKeyChecking=yes",
            }
            for host in self._hosts.values()
        }
        self.inventory = folder / "inventory"
        self.inventory.mkdir()
        text = yaml.safe_dump({"all": {"hosts": inventory}})
        (self.inventory / "hosts.yml").write_text(text, encoding="utf-8")

    def declared(self, key=KEY, names=NAMES, rack="rack-1"):
        """The provider's inputs."""
        racks = {name: {"rack": rack if name == NAMES[0] else "rack-1"} for name in names}
        hosts = {
            name: inputs_of(self._hosts[name].managed(self._known_hosts, labels=labels))
            for name, labels in racks.items()
        }
        return {
            "hosts": hosts,
            "license_key": key,
            "inventory": str(self.inventory),
            "command": str(KOLLA),
            "logs": str(self.logs),
        }

    def run(self, name, command, given=""):
        """What a command prints there."""
        return self._hosts[name].run(self._folder, command, given).strip()

    def report(self, name):
        """What the agent there reports."""
        return json.loads(self.run(name, "cat /var/lib/fake-newrelic/report.json"))

    def limits(self):
        """The hosts that each run of the playbook was for, in order."""
        recaps = []
        for log in sorted(self.logs.glob("*/configure.log"), key=lambda path: path.stat().st_mtime_ns):
            recap = log.read_text(encoding="utf-8").partition("PLAY RECAP")[2]
            recaps.append({name for name in NAMES if name in recap})
        return recaps

    def as_installed(self):
        """No agent configured anywhere."""
        for name in NAMES:
            self.run(
                name,
                f"systemctl disable --now newrelic-infra; rm -rf {PATH} /var/lib/fake-newrelic; true",
            )


@pytest.fixture
def hosts(simulated_hosts, tmp_path):
    made = Hosts(simulated_hosts, tmp_path)
    made.as_installed()
    yield made
    made.as_installed()


def in_process_list(stop, found):
    """Note every command line of this machine, simulated hosts included, that holds a key."""
    while not stop.wait(0.1):
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = process.read_bytes()
            except OSError:
                continue
            if KEY.encode() in line or OTHER_KEY.encode() in line:
                found.append(line)


def test_the_agent_reports_with_labels_and_its_key_shows_nowhere_but_in_its_file(hosts, capfd):
    stop = threading.Event()
    seen: list[bytes] = []
    watch = threading.Thread(target=in_process_list, args=(stop, seen))
    watch.start()
    try:
        outs = crud.create(hosts.declared()).outs
    finally:
        stop.set()
        watch.join()
    assert {name: found["ok"] for name, found in outs["results"].items()} == dict.fromkeys(NAMES, True)
    for name in NAMES:
        assert hosts.report(name) == {
            "display_name": name,
            "custom_attributes": {"rack": "rack-1"},
            "key_sha256": hashlib.sha256(KEY.encode()).hexdigest(),
        }
        assert hosts.run(name, f"stat -c '%a %U' {PATH}") == "600 root"
        assert hosts.run(name, "systemctl is-enabled newrelic-infra") == "enabled"
        assert hosts.run(name, WHERE_ELSE, KEY) == f"0\n{PATH}"
    assert seen == []
    assert KEY not in str(capfd.readouterr())
    logs = [log for log in hosts.logs.rglob("*") if log.is_file()]
    assert logs
    assert not [log for log in logs if KEY in log.read_text(encoding="utf-8")]
    assert KEY not in json.dumps(outs["results"])
    assert list(hosts.logs.glob(".monitoring-*")) == []

    assert crud.read("monitoring-agent", outs).outs == outs
    assert not crud.diff("monitoring-agent", outs, hosts.declared()).changes


def test_another_key_is_brought_to_all_another_label_to_its_host_alone_and_who_leaves_loses_both(hosts):
    outs = crud.create(hosts.declared()).outs
    outs = crud.update("monitoring-agent", outs, hosts.declared(OTHER_KEY)).outs
    assert {hosts.report(name)["key_sha256"] for name in NAMES} == {
        hashlib.sha256(OTHER_KEY.encode()).hexdigest()
    }
    outs = crud.update("monitoring-agent", outs, hosts.declared(OTHER_KEY, rack="rack-2")).outs
    assert hosts.report(NAMES[0])["custom_attributes"] == {"rack": "rack-2"}
    assert hosts.limits() == [set(NAMES), set(NAMES), {NAMES[0]}]
    staying = hosts.declared(OTHER_KEY, names=NAMES[:2], rack="rack-2")
    outs = crud.update("monitoring-agent", outs, staying).outs
    assert set(outs["results"]) == set(NAMES[:2])
    gone = (
        f"test ! -e {PATH} && systemctl is-active newrelic-infra; systemctl is-enabled newrelic-infra; true"
    )
    assert hosts.run(NAMES[2], gone).split() == ["inactive", "disabled"]
    assert hosts.run(NAMES[0], "systemctl is-active newrelic-infra") == "active"
    crud.delete("monitoring-agent", outs)
    crud.delete("monitoring-agent", outs)
    for name in NAMES[:2]:
        assert hosts.run(name, gone).split() == ["inactive", "disabled"]


@pytest.mark.nightly
def test_a_host_that_fails_is_told_and_the_others_are_done(hosts, monkeypatch):
    unit = "/usr/lib/systemd/system/newrelic-infra.service"
    hosts.run(NAMES[1], f"mv {unit} {unit}.away; systemctl daemon-reload")
    try:
        outs = crud.create(hosts.declared()).outs
    finally:
        hosts.run(NAMES[1], f"mv {unit}.away {unit}; systemctl daemon-reload")
    assert [outs["results"][name]["ok"] for name in NAMES] == [True, False, True]
    assert "put the package newrelic-infra into the host's image" in outs["results"][NAMES[1]]["message"]
    monkeypatch.setattr(delivery, "ATTEMPTS", 1)
    bad = crud.update("monitoring-agent", outs, hosts.declared("bad" + KEY[3:])).outs
    assert {found["ok"] for found in bad["results"].values()} == {False}
    assert "look at monitoring.license_key" in bad["results"][NAMES[0]]["message"]


@pytest.mark.nightly
def test_what_somebody_changed_or_stopped_is_found_and_mended(hosts):
    outs = crud.create(hosts.declared()).outs
    hosts.run(NAMES[0], f"echo 'verbose: 1' >> {PATH}")
    hosts.run(NAMES[1], "systemctl stop newrelic-infra")
    found = crud.read("monitoring-agent", outs).outs
    assert [found["results"][name]["ok"] for name in NAMES] == [False, False, True]
    assert crud.diff("monitoring-agent", found, hosts.declared()).changes
    mended = crud.update("monitoring-agent", found, hosts.declared()).outs
    assert mended == outs
    assert hosts.limits()[-1] == set(NAMES[:2])


def test_a_run_killed_half_way_is_gone_on_with_and_leaves_no_key_behind(hosts):
    script = (
        "import json, sys; from dynamic_providers.monitoring_agent.provider import MonitoringAgentProvider;"
        " MonitoringAgentProvider().create(json.load(sys.stdin))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as run:
        assert run.stdin
        assert run.stderr
        run.stdin.write(json.dumps(hosts.declared()))
        run.stdin.close()
        run.stderr.readline()
        os.kill(run.pid, signal.SIGKILL)
    outs = crud.create(hosts.declared(OTHER_KEY)).outs
    assert {name: found["ok"] for name, found in outs["results"].items()} == dict.fromkeys(NAMES, True)
    left = [path for path in hosts.logs.rglob("*") if path.is_file() and KEY in path.read_text("utf-8")]
    assert left == []


def test_a_host_that_the_inventory_does_not_know_is_told_and_the_others_are_done(hosts):
    file = hosts.inventory / "hosts.yml"
    inventory = yaml.safe_load(file.read_text(encoding="utf-8"))
    del inventory["all"]["hosts"][NAMES[0]]
    file.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    outs = crud.create(hosts.declared(names=NAMES[:2])).outs
    assert [outs["results"][name]["ok"] for name in NAMES[:2]] == [False, True]
    assert "the inventory does not know it" in outs["results"][NAMES[0]]["message"]
    with pytest.raises(CloudError, match=r"host lab-host-1: .*the inventory does not know it"):
        crud.delete("monitoring-agent", outs)
