"""The fake agents of simulated hosts: they act exactly while the containers run, and tell what Nova knows."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.fakes import host_agents
from lab.fakes.host_agents import Host, Known, first_process, levels

COMPUTE = [sys.executable, "-c", "import time; time.sleep(60)"]


class _SeenHost(Host):
    """A host whose containers the test decides."""

    def __init__(self, folder: Path, *running: str) -> None:
        super().__init__(
            {
                "name": "lab-host-1",
                "network_namespace": str(folder / "none"),
                "compute": COMPUTE,
                "log": str(folder / "compute.log"),
            }
        )
        self._folder = folder
        self.running = frozenset(running)

    def root(self) -> Path | None:
        return self._folder

    @property
    def process(self) -> Any:
        return self._process


def test_a_compute_service_lives_exactly_as_long_as_its_container(tmp_path: Path) -> None:
    host = _SeenHost(tmp_path, "nova_compute")
    host.act()
    first = host.process
    assert first.poll() is None
    host.act()
    assert host.process is first
    host.running = frozenset()
    host.act()
    assert first.poll() is not None
    assert host.process is None


def test_a_compute_service_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    host = _SeenHost(tmp_path, "nova_compute")
    host.act()
    first = host.process
    first.kill()
    first.wait()
    host.act()
    second = host.process
    assert second is not None
    assert second is not first
    assert second.poll() is None
    host.running = frozenset()
    host.act()


def test_only_agents_whose_containers_run_report_and_the_first_report_says_so(tmp_path: Path) -> None:
    host = _SeenHost(tmp_path, "nova_compute", "neutron_openvswitch_agent", "neutron_dhcp_agent")
    first = host.reports()
    assert {(state["binary"], state["host"]) for state in first} == {
        ("neutron-openvswitch-agent", "lab-host-1"),
        ("neutron-dhcp-agent", "lab-host-1"),
    }
    assert all(state["start_flag"] for state in first)
    assert not any("start_flag" in state for state in host.reports())
    host.running = frozenset()
    assert host.reports() == []
    host.running = frozenset({"neutron_dhcp_agent"})
    assert [state["start_flag"] for state in host.reports()] == [True]


def test_word_of_what_nova_knows_is_left_only_where_a_toolbox_runs(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    known = Known(["lab", "lab-host-1"], {"lab": "0f"})
    _SeenHost(tmp_path, "nova_compute").write_known(known)
    assert not (tmp_path / host_agents.SERVICES).exists()
    _SeenHost(tmp_path, "kolla_toolbox").write_known(known)
    assert json.loads((tmp_path / host_agents.SERVICES).read_text()) == [
        {"Host": "lab"},
        {"Host": "lab-host-1"},
    ]
    assert json.loads((tmp_path / host_agents.HYPERVISORS).read_text()) == [{"name": "lab", "id": "0f"}]


def test_a_host_that_is_down_runs_nothing(tmp_path: Path) -> None:
    host = Host(
        {
            "name": "lab-host-1",
            "network_namespace": str(tmp_path / "none"),
            "compute": COMPUTE,
            "log": str(tmp_path / "log"),
        }
    )
    host.look()
    assert host.root() is None
    assert host.running == frozenset()
    host.write_known(Known([], {}))


def test_a_process_of_this_machine_is_never_taken_for_a_hosts_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "self",
        str(os.getpid()),
    ):  # not all of /proc: a host that boots there shares our network for a moment
        (tmp_path / name).symlink_to(f"/proc/{os.getpid()}")
    monkeypatch.setattr(host_agents, "PROC", tmp_path)
    assert first_process(tmp_path / "self/ns/net") is None
    assert levels("self")
    assert levels("0") == []


def test_a_cell_takes_in_a_host_once_and_again_after_its_record_was_deleted(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    nova = host_agents.Nova("lab-admin", ["/bin/sh", "-c", f"echo once >> {ran}"])
    for services in (["lab"], ["lab", "lab-host-1"], ["lab", "lab-host-1"], ["lab"], ["lab", "lab-host-1"]):
        nova.discover(services)
    assert ran.read_text().count("once") == 3


def test_a_cell_that_could_not_take_a_host_in_is_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ran = tmp_path / "ran"
    nova = host_agents.Nova("lab-admin", ["/bin/sh", "-c", f"echo once >> {ran}; exit 1"])
    nova.discover(["lab"])
    nova.discover(["lab"])
    assert ran.read_text().count("once") == 2
    assert "code 1" in caplog.text
