"""Hosts' OS images and monitoring agents under the real engine; ssh and ansible-playbook are FAKES.

What this does not prove: what happens on hosts; tests/lab/test_host_os.py and test_monitoring_agent.py see that.
"""

import json
import sys
from pathlib import Path

import pytest

from tests.program_copy import ProgramCopy

FAKES = Path(__file__).parent / "fakes" / "fake_agents"
KEY = "0123456789abcdefabcdef012345678901234567"
OTHER_KEY = "fedcba9876543210fedcba987654321076543210"
PROGRAM = """
import os
from pathlib import Path
from types import SimpleNamespace

from clients.managed_host import ManagedHost
from clients.ssh import SshHost
from components.hosts.host_os import make_host_os
from config.host import HostOsSpec
from components.hosts import monitoring
from config.monitoring import MonitoringSpec
from dynamic_providers.host_os.declared import HostOsHost

folder = Path(os.environ["FAKE_HOSTS"])
way = {"port": 22, "user": "root", "private_key_file": folder / "key", "known_hosts_file": folder / "known"}
names = os.environ["NAMES"].split(",")
managed = {
    name: ManagedHost(
        ssh=SshHost(name=name, address=name, **way), roles=["storage"], container_engine="docker", labels={"rack": "1"}
    )
    for name in names
}
kolla = SimpleNamespace(inventory=folder / "inventory", command=str(folder / "bin" / "kolla-ansible"))
monitoring.LOGS = folder / "logs"
spec = MonitoringSpec(agent="new-relic", license_key={"env": "NEW_RELIC_KEY"})
monitoring.make_monitoring("hosts", spec, hosts=managed, kolla=kolla)
images = [
    HostOsHost(**dict(host), image="registry.corp.example/host:1", serial=1) for host in managed.values()
]
make_host_os("hosts", HostOsSpec(), hosts=images, cloud="none")
"""


class Stack:
    """The program above, and its hosts' folder."""

    def __init__(self, folder: Path) -> None:
        self.hosts = folder / "hosts"
        for file, fake in (
            ("ssh", "fake_ssh.py"),
            ("ansible-playbook", "fake_ansible_playbook.py"),
            ("kolla-ansible", "fake_ansible_playbook.py"),
        ):
            path = self.hosts / "bin" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKES / fake}" "$@"\n', encoding="utf-8")
            path.chmod(0o755)
        (self.hosts / "key").write_text("a key", encoding="utf-8")
        self._made = ProgramCopy.make(folder / "copy", {"FAKE_HOSTS": str(self.hosts)})
        (self._made.folder / "__main__.py").unlink()
        (self._made.folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
        self._made.stack("test", "config: {}\n")

    def pulumi(self, *arguments: str, names: str = "a,b", key: str = KEY) -> tuple[int, str]:
        """The exit code, and what was printed."""
        path = f"{self.hosts / 'bin'}:{self._made.environment['PATH']}"
        added = {"PATH": path, "NAMES": names, "NEW_RELIC_KEY": key}
        program = ProgramCopy(self._made.folder, {**self._made.environment, **added})
        done = program.pulumi(*arguments, "--stack", "test")
        assert "Traceback" not in done.stdout
        assert KEY not in done.stdout
        return done.returncode, done.stdout

    def up(self, *, names: str = "a,b", key: str = KEY) -> tuple[int, str]:
        """Makes it so."""
        return self.pulumi("up", "--yes", "--skip-preview", names=names, key=key)

    def runs(self) -> list[str]:
        """Each run of a playbook, with its hosts."""
        return (self.hosts / "runs").read_text(encoding="utf-8").splitlines()

    def results(self, kind: str) -> dict[str, bool]:
        """Whether each host is well, as state has it."""
        resources = json.loads(self.pulumi("stack", "export")[1])["deployment"]["resources"]
        (found,) = [each for each in resources if each["type"] == f"pulumi-python:dynamic/hosts:{kind}"]
        return {name: result["ok"] for name, result in found["outputs"]["results"].items()}


@pytest.fixture
def stack(tmp_path):
    return Stack(tmp_path)


def test_the_key_is_in_state_in_no_clear_text_and_a_second_preview_is_empty(stack):
    code, printed = stack.up()
    assert code == 0, printed
    files = [path for path in (stack.hosts.parent / "copy" / "state").rglob("*") if path.is_file()]
    assert files
    assert not any(KEY in path.read_text(encoding="utf-8", errors="replace") for path in files)
    assert KEY in (stack.hosts / "a" / "newrelic-infra.yml").read_text(encoding="utf-8")
    assert stack.pulumi("preview", "--expect-no-changes", "--diff")[0] == 0
    assert stack.pulumi("preview", "--refresh", "--expect-no-changes")[0] == 0
    code, printed = stack.up(key=OTHER_KEY)
    assert code == 0, printed
    assert OTHER_KEY not in printed
    assert stack.runs() == ["configure a,b", "configure a,b"]
    assert stack.pulumi("destroy", "--yes", "--skip-preview", key=OTHER_KEY)[0] == 0
    assert not (stack.hosts / "a" / "newrelic-infra.yml").exists()


def test_a_host_without_bootc_fails_the_run_with_its_sentence_and_the_others_are_in_state(stack):
    (stack.hosts / "b").mkdir(exist_ok=True)
    (stack.hosts / "b" / "no-bootc").touch()
    code, printed = stack.up()
    assert code != 0
    assert "host b (b port 22) has no bootc; install it from its kickstart" in printed
    assert stack.results("HostOs") == {"a": True, "b": False}


def test_a_host_that_is_not_monitored_fails_the_run_is_done_alone_and_loses_its_agent_when_it_leaves(stack):
    """Not in the same run as the fault above: the first that fails ends the program, and the other is not told."""
    (stack.hosts / "b").mkdir(exist_ok=True)
    (stack.hosts / "b" / "fails").touch()
    code, printed = stack.up()
    assert code != 0
    assert "host b is not monitored: no such service (log " in printed
    assert stack.results("MonitoringAgent") == {"a": True, "b": False}
    (stack.hosts / "b" / "fails").unlink()
    code, printed = stack.up()
    assert code == 0, printed
    assert stack.runs()[-1] == "configure b"
    assert stack.pulumi("preview", "--expect-no-changes")[0] == 0
    code, printed = stack.up(names="a")
    assert code == 0, printed
    assert stack.runs()[-1] == "remove b"
