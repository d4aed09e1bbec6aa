"""Hosts under the real engine, with the real providers; ssh, kolla-ansible, docker and OpenStack are FAKES.

What this does not prove: that a host answers the real ssh so, and that Kolla deploys anything. tests/lab runs those.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.fakes.fake_hosts import fake_cloud
from tests.program_copy import ROOT, ProgramCopy

FAKES = Path(__file__).parent / "fakes"
PLUGIN = "resource-openstack-v5.5.3"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAK"
GROUPS = "shipped/share/kolla-ansible/ansible/inventory/multinode"


def program_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@dataclass(frozen=True)
class Cloud:
    """A stack of hosts, with the folder in which the fakes have theirs."""

    program: ProgramCopy
    folder: Path

    def declare(self, *hosts: dict[str, Any]) -> None:
        config = {
            "openstack": {"cloud": "fake"},
            "management": {"vlan": 100, "cidr": "10.10.0.0/24", "gateway": "10.10.0.1"},
            "kolla": {
                "configdir": str(self.folder / "kolla"),
                "inventory": str(self.folder / "inventory"),
                "command": str(self.folder / "shipped" / "bin" / "kolla-ansible"),
                "kickstarts": str(self.folder / "kickstarts"),
                "ssh": {"user": "root", "private_key_file": str(self.folder / "key")},
                "steps": ["prechecks", "deploy"],
            },
            "hosts": list(hosts),
        }
        content = yaml.safe_load(self.program.file("test").read_text(encoding="utf-8"))
        content["config"] = {f"private-cloud:{key}": value for key, value in config.items()}
        self.program.file("test").write_text(yaml.safe_dump(content), encoding="utf-8")
        for host in hosts:
            machine = self.folder / "hosts" / host["address"]
            machine.mkdir(parents=True, exist_ok=True)
            (machine / "name").write_text(host["name"])

    def up(self) -> str:
        return self.program.succeed("up", "--yes", "--skip-preview", "--stack", "test")

    def fails(self) -> str:
        done = self.program.pulumi("up", "--yes", "--skip-preview", "--stack", "test")
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout

    def preview(self, *options: str) -> str:
        return self.program.succeed("preview", *options, "--stack", "test")

    def runs(self) -> list[list[str]]:
        """Each run of kolla-ansible: the step, and its hosts."""
        log = self.folder / "hosts" / "runs"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def failing(self, name: str, *, fails: bool) -> None:
        file = self.folder / "hosts" / "failing" / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
        if not fails:
            file.unlink()

    def state(self) -> dict[str, dict[str, Any]]:
        """What is in state, by type and name."""
        deployment = json.loads(self.program.succeed("stack", "export", "--stack", "test"))["deployment"]
        return {
            f"{resource['type'].rpartition(':')[2]} {resource['urn'].rpartition('::')[2]}": resource
            for resource in deployment["resources"]
        }

    def inventory(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "inventory").glob("host-*"))


def host(number: int, *roles: str, name: str | None = None) -> dict[str, Any]:
    return {
        "name": name or f"host-{number}",
        "address": f"10.10.0.{10 + number}",
        "roles": list(roles) or ["storage"],
        "links": ["eno1", "eno2"],
        "install_disk": f"/dev/disk/by-id/wwn-{number}",
        "osd_disks": [] if roles else [f"/dev/disk/by-id/wwn-osd-{number}"],
        "os": {"image": "registry.corp.example/host:1"},
        "host_key": HOST_KEY,
    }


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    home = tmp_path / "home"
    plugin = FAKES / "fake_openstack_plugin" / "fake_openstack.py"
    program_file(
        home / "plugins" / PLUGIN / "pulumi-resource-openstack",
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{plugin}" "$@"\n',
    )
    for file, fake in (("bin/ssh", "fake_ssh.py"), ("shipped/bin/kolla-ansible", "fake_kolla_ansible.py")):
        program_file(
            tmp_path / file, f'#!/bin/sh\nexec "{sys.executable}" "{FAKES / "fake_hosts" / fake}" "$@"\n'
        )
    program_file(tmp_path / "bin" / "docker", "#!/bin/sh\n# A FAKE docker without any container.\n")
    # The real one reads the inventory that is written here.
    real = ROOT / ".cloud" / "kolla" / "programs" / "ansible-inventory"
    (tmp_path / "shipped" / "bin" / "ansible-inventory").symlink_to(real)
    program_file(tmp_path / GROUPS, "[control]\n\n[storage]\n\n[baremetal:children]\ncontrol\nstorage\n")
    for name, text in (
        ("kolla/globals.yml", "{}\n"),
        ("kolla/passwords.yml", "{}\n"),
        ("key", "a key\n"),
        ("key.pub", "ssh-ed25519 AAAA"),
    ):
        program_file(tmp_path / name, text)
    (tmp_path / "inventory").mkdir()
    with fake_cloud.running() as entry:
        (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"fake": entry}}), encoding="utf-8")
        program = ProgramCopy.make(
            tmp_path / "copy",
            {
                "PULUMI_HOME": str(home),
                "FAKE_HOSTS": str(tmp_path / "hosts"),
                "OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml"),
            },
        )
        path = f"{tmp_path / 'bin'}:{program.environment['PATH']}"
        program = ProgramCopy(program.folder, {**program.environment, "PATH": path})
        program.stack("test", "config: {}\n")
        yield Cloud(program, tmp_path)


def test_hosts_come_stay_and_go(cloud: Cloud) -> None:
    """One stack through its life, because each step starts the engine: what each one shows stands before it."""
    # Each has its line, and all are enrolled in one run.
    hosts = host(1, "control"), host(2, "control"), host(3)
    cloud.declare(*hosts)
    printed = cloud.preview()
    assert "2 hosts have the role control (host-1, host-2), and 2 of them have to be up" in printed
    for number in (1, 2, 3):
        assert f"private-cloud:host:BareMetalHost host-{number} create" in printed
    assert printed.count("KollaDeployment hosts create") == 1
    cloud.up()
    assert cloud.runs() == [[step, "host-1", "host-2", "host-3"] for step in ("prechecks", "deploy")]
    assert cloud.inventory() == ["host-host-1.yml", "host-host-2.yml", "host-host-3.yml"]
    outputs = json.loads(cloud.program.succeed("stack", "output", "--json", "--stack", "test"))
    assert {name: found["result"] for name, found in outputs["hosts"].items()} == dict.fromkeys(
        ("host-1", "host-2", "host-3"), "enrolled"
    )
    # A second preview is empty, and asks no host to do anything.
    cloud.preview("--refresh", "--expect-no-changes")
    assert len(cloud.runs()) == 2
    # A file that was edited by hand is found by a refresh, and mended.
    file = cloud.folder / "inventory" / "host-host-1.yml"
    written = file.read_text(encoding="utf-8")
    file.write_text(written + "# by hand\n", encoding="utf-8")
    printed = cloud.program.succeed("up", "--refresh", "--yes", "--skip-preview", "--stack", "test")
    assert "KollaHost host-1 updated" in printed
    assert file.read_text(encoding="utf-8") == written
    # A host that is added is enrolled alone, with the facts of the control hosts.
    cloud.declare(*hosts, host(4))
    before = len(cloud.runs())
    cloud.up()
    facts = ["gather-facts", "host-1", "host-2"]
    assert cloud.runs()[before:] == [facts, ["prechecks", "host-4"], ["deploy", "host-4"]]
    # One that is renamed in place is refused before Kolla runs.
    cloud.declare(*hosts, host(4, name="another"))
    before = len(cloud.runs())
    assert "belongs to host host-4 in " in cloud.fails()
    assert len(cloud.runs()) == before
    # One that leaves is undeployed before it leaves the inventory.
    cloud.declare(*hosts)
    printed = cloud.up()
    updated, deleted = (
        printed.index(word) for word in ("KollaDeployment hosts updated", "KollaHost host-4 deleting")
    )
    assert updated < deleted
    assert cloud.runs()[before:] == [["destroy", "host-4"]]
    assert cloud.inventory() == ["host-host-1.yml", "host-host-2.yml", "host-host-3.yml"]
    cloud.preview("--expect-no-changes")
    # The last control hosts are not removed while others stay.
    cloud.declare(host(3))
    before = len(cloud.runs())
    assert "the last control host cannot be removed while host-3 stay" in cloud.fails()
    assert len(cloud.runs()) == before
    assert "KollaHost host-1" in cloud.state()
    # Destroy undeploys every host and leaves nothing.
    cloud.program.succeed("destroy", "--yes", "--skip-preview", "--stack", "test")
    assert [cloud.runs()[-1][0], *sorted(cloud.runs()[-1][1:])] == ["destroy", "host-1", "host-2", "host-3"]
    assert cloud.inventory() == []
    assert "Current stack resources (0)" in cloud.program.succeed("stack", "--stack", "test")


@pytest.mark.nightly  # the lab's test_kolla_deployment is the real one
def test_one_of_three_fails_and_two_are_enrolled_and_the_next_up_mends_the_third(cloud: Cloud) -> None:
    cloud.declare(host(1), host(2), host(3))
    cloud.failing("host-2", fails=True)
    printed = cloud.fails()
    assert "1 of 3 hosts is not enrolled" in printed
    assert re.search(
        r"BareMetalHost \(host-2\):\s+error: host host-2: deploy, task 'nova-cell : .*: no space", printed
    )
    results = cloud.state()["KollaDeployment hosts"]["outputs"]["results"]
    assert {name: result["ok"] for name, result in results.items()} == {
        "host-1": True,
        "host-2": False,
        "host-3": True,
    }
    assert "HostOs hosts" not in cloud.state(), "nothing more is done while one is missing"
    done = cloud.program.pulumi("preview", "--expect-no-changes", "--stack", "test")
    assert done.returncode != 0
    assert "KollaDeployment hosts update" in done.stdout
    assert "1 to update" in done.stdout
    assert "1 to create" in done.stdout, "the hosts' OS images"
    cloud.failing("host-2", fails=False)
    before = len(cloud.runs())
    cloud.up()
    assert cloud.runs()[before:] == [["deploy", "host-2"]], "it goes on with the step that is missing"
    cloud.preview("--expect-no-changes")


def test_a_host_that_does_not_answer_is_told_with_its_kickstart_and_the_others_stay(cloud: Cloud) -> None:
    cloud.declare(host(1), host(2))
    down = cloud.folder / "hosts" / "10.10.0.12" / "down"
    down.touch()
    printed = cloud.fails()
    assert f"install it from {cloud.folder / 'kickstarts' / 'host-2.ks'}" in printed
    assert cloud.inventory() == ["host-host-1.yml"]
    assert "KollaHost host-1" in cloud.state()
    assert cloud.runs() == []
    down.unlink()
    cloud.up()
    assert cloud.runs()[-1] == ["deploy", "host-1", "host-2"]
