"""The monitoring agent's CRUD with an Ansible that is faked at its command line, and hosts that are dictionaries.

tests/lab/test_monitoring_agent.py runs the playbooks for real, on simulated hosts.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients import ansible, ssh
from clients.errors import CloudError
from config.monitoring import MonitoringSpec
from dynamic_providers.monitoring_agent.declared import PATH
from dynamic_providers.monitoring_agent.provider import MonitoringAgent, MonitoringAgentProvider
from tests.managed_hosts import inputs_of, managed_host, ssh_host

KEY = "0123456789abcdefabcdef012345678901234567"
OTHER_KEY = "fedcba9876543210fedcba987654321076543210"

crud: Any = MonitoringAgentProvider()


class FakeHosts:
    """What is on each host, and each run's playbook and hosts; `failing` hosts fail, `unknown` take no part."""

    def __init__(self):
        self.files = {}
        self.service = {}
        self.runs = []
        self.failing = set()
        self.unknown = set()
        self.down = set()
        self.commands = []

    def play(self, command, *, environment, log, on_event):
        self.commands.append([*command, *environment.values()])
        options = dict(zip(command[1::2], command[2::2], strict=False))
        request = set(options["--limit"].split(","))
        playbook = Path(command[-1]).stem
        self.runs.append((playbook, request))
        result = ansible.RunResult(log, code=0, whole=True, seen=frozenset(request - self.unknown))
        folder = Path(json.loads(options["--extra-vars"])["configurations"])
        for name in request - self.unknown:
            if name in self.down:
                result.failures[name] = ansible.Failure("", "no route to host", unreachable=True)
                result.code = 4
            elif name in self.failing:
                result.failures[name] = ansible.Failure("Restart the agent", "no such service")
                result.code = 2
            elif playbook == "configure":
                assert folder.parent.stat().st_mode & 0o777 == 0o700
                self.files[name] = (folder / name).read_text(encoding="utf-8")
                self.service[name] = ("active", "enabled")
            else:
                self.files.pop(name, None)
                self.service.pop(name, None)
        on_event(result)
        return result

    def run(self, host, _command):
        if host.name in self.down:
            raise ssh.HostUnreachable(f"{host.where} cannot be reached")
        text = self.files.get(host.name)
        sha256 = f"{hashlib.sha256(text.encode()).hexdigest()}  -" if text else "none"
        return "\n".join([sha256, *self.service.get(host.name, ("inactive", "disabled"))]) + "\n"


@pytest.fixture
def hosts(monkeypatch):
    fake = FakeHosts()
    monkeypatch.setattr(ansible, "run", fake.play)
    monkeypatch.setattr(ansible, "located", lambda program: Path("/opt/kolla/bin") / program)
    monkeypatch.setattr(ssh, "run", fake.run)
    return fake


@pytest.fixture
def declared(tmp_path):
    def make(names="abc", key=KEY, **labels):
        hosts = {
            name: inputs_of(managed_host(ssh_host(name), labels={"rack": labels.get(name, "rack-1")}))
            for name in names
        }
        return {
            "hosts": hosts,
            "license_key": key,
            "inventory": "/etc/kolla/inventory",
            "command": "kolla-ansible",
            "logs": str(tmp_path / "logs"),
        }

    return make


def test_a_host_gets_its_name_its_labels_and_the_key(hosts, declared):
    crud.create(declared(b="rack-2"))
    assert yaml.safe_load(hosts.files["b"]) == {
        "license_key": KEY,
        "display_name": "b",
        "custom_attributes": {"rack": "rack-2"},
        "status_server_enabled": True,
        "status_server_port": 8003,
    }


def test_labels_that_look_like_other_yaml_stay_text(hosts, declared):
    crud.create(declared(names="a", a="0755"))
    crud.create(declared(names="b", b="yes: 'no' # é"))
    read = {name: yaml.safe_load(text)["custom_attributes"]["rack"] for name, text in hosts.files.items()}
    assert read == {"a": "0755", "b": "yes: 'no' # é"}


def test_the_key_is_in_no_argument_variable_result_or_folder_left_behind(hosts, declared, tmp_path):
    outs = crud.create(declared()).outs
    assert KEY not in str(hosts.commands)
    assert KEY not in json.dumps(outs["results"])
    assert [path for path in tmp_path.rglob("*") if path.is_file() and KEY in path.read_text()] == []
    assert list((tmp_path / "logs").glob(".monitoring-*")) == []


def test_what_a_killed_run_left_of_the_key_goes_with_the_next(hosts, declared, tmp_path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    monkeypatch.setattr(ansible, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        crud.create(declared())
    monkeypatch.undo()
    assert any(KEY in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    monkeypatch.setattr(ansible, "run", hosts.play)
    monkeypatch.setattr(ansible, "located", lambda program: Path("/opt") / program)
    monkeypatch.setattr(ssh, "run", hosts.run)
    crud.create(declared())
    assert not any(KEY in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_another_key_goes_to_all_hosts_and_another_label_to_its_own(hosts, declared):
    outs = crud.create(declared()).outs
    outs = crud.update("monitoring-agent", outs, declared(key=OTHER_KEY)).outs
    outs = crud.update("monitoring-agent", outs, declared(key=OTHER_KEY, b="rack-9")).outs
    assert hosts.runs == [("configure", {*"abc"}), ("configure", {*"abc"}), ("configure", {"b"})]
    assert {name for name, text in hosts.files.items() if OTHER_KEY in text} == {*"abc"}


def test_a_new_host_runs_nothing_on_those_that_have_it(hosts, declared):
    outs = crud.create(declared("ab")).outs
    outs = crud.update("monitoring-agent", outs, declared()).outs
    assert hosts.runs[1:] == [("configure", {"c"})]
    assert set(outs["results"]) == {*"abc"}


def test_a_host_that_leaves_loses_its_key(hosts, declared):
    outs = crud.create(declared()).outs
    outs = crud.update("monitoring-agent", outs, declared("ab")).outs
    assert hosts.runs[1:] == [("remove", {"c"})]
    assert set(hosts.files) == {*"ab"}
    assert set(outs["results"]) == {*"ab"}


def test_a_host_that_cannot_be_left_stays_in_state_until_it_is(hosts, declared):
    outs = crud.create(declared()).outs
    hosts.failing = {"c"}
    outs = crud.update("monitoring-agent", outs, declared("ab")).outs
    assert outs["results"]["c"]["leaving"]
    assert crud.diff("monitoring-agent", outs, declared("ab")).changes
    hosts.failing = set()
    outs = crud.update("monitoring-agent", outs, declared("ab")).outs
    assert set(outs["results"]) == {*"ab"}


def test_a_dead_host_that_leaves_is_let_go_with_a_warning_of_the_key_on_it(hosts, declared, capsys):
    outs = crud.create(declared()).outs
    hosts.down = {"c"}
    outs = crud.update("monitoring-agent", outs, declared("ab")).outs
    assert set(outs["results"]) == {*"ab"}
    assert "host c does not answer, so its agent and the license key stay on it" in capsys.readouterr().err


def test_a_host_that_fails_is_told_with_task_and_log_and_is_tried_again(hosts, declared):
    hosts.failing = {"b"}
    outs = crud.create(declared()).outs
    assert [outs["results"][name]["ok"] for name in "abc"] == [True, False, True]
    assert outs["results"]["b"]["task"] == "Restart the agent"
    assert outs["results"]["b"]["log"].endswith("configure.log")
    assert crud.diff("monitoring-agent", outs, declared()).changes
    hosts.failing = set()
    crud.update("monitoring-agent", outs, declared())
    assert hosts.runs[-1] == ("configure", {"b"})


def test_a_host_that_the_inventory_does_not_know_is_not_taken_for_done(hosts, declared):
    hosts.unknown = {"b"}
    outs = crud.create(declared()).outs
    assert outs["results"]["b"]["message"] == "nothing was run on this host: the inventory does not know it"
    with pytest.raises(CloudError, match="not removed: host b: "):
        crud.delete("monitoring-agent", outs)


def test_delete_removes_it_everywhere(hosts, declared):
    outs = crud.create(declared()).outs
    crud.delete("monitoring-agent", outs)
    assert hosts.files == {}
    assert hosts.runs[1:] == [("remove", {*"abc"})]


def test_a_refresh_finds_what_was_changed_stopped_or_deleted_and_nothing_else(hosts, declared):
    outs = crud.create(declared("abcd")).outs
    assert crud.read("monitoring-agent", outs).outs == outs
    hosts.files["a"] += "verbose: 1\n"
    hosts.service["b"] = ("inactive", "enabled")
    del hosts.files["c"]
    hosts.down = {"d"}
    results = crud.read("monitoring-agent", outs).outs["results"]
    assert "changed by another hand" in results["a"]["message"]
    assert "is inactive and enabled" in results["b"]["message"]
    assert f"has no {PATH}" in results["c"]["message"]
    assert results["d"] == outs["results"]["d"]


def test_where_ansible_and_its_logs_are_is_no_reason_to_run_it(hosts, declared):
    outs = crud.create(declared()).outs
    assert not crud.diff("monitoring-agent", outs, declared() | {"logs": "/elsewhere"}).changes
    crud.update("monitoring-agent", outs, declared() | {"command": "/opt/kolla-ansible"})
    assert len(hosts.runs) == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"agent": "new-relic"}, "with a license key only"),
        ({"agent": "prometheus", "license_key": {"env": "NEW_RELIC_KEY"}}, "takes no license key"),
        ({"agent": "new-relic", "license_key": {"env": "SHORT_KEY"}}, "has 40 letters and digits"),
    ],
)
def test_a_key_that_does_not_fit_its_agent_is_refused_and_not_repeated(monkeypatch, given, sentence):
    monkeypatch.setenv("NEW_RELIC_KEY", KEY)
    monkeypatch.setenv("SHORT_KEY", KEY[:12])
    with pytest.raises(ValueError, match=sentence) as caught:
        MonitoringSpec.model_validate(given)
    assert KEY[:12] not in str(caught.value)


def test_prometheus_is_kollas_and_new_relic_is_not(monkeypatch):
    monkeypatch.setenv("NEW_RELIC_KEY", KEY)
    new_relic = {"agent": "new-relic", "license_key": {"env": "NEW_RELIC_KEY"}}
    assert MonitoringSpec.model_validate({"agent": "prometheus"}).globals == {"enable_prometheus": "yes"}
    assert MonitoringSpec.model_validate(new_relic).globals == {}


def test_the_names_in_state_do_not_change():
    assert MonitoringAgent._resource_type_name == "dynamic/hosts:MonitoringAgent"
    assert (MonitoringAgentProvider.__module__, MonitoringAgentProvider.__name__) == (
        "dynamic_providers.monitoring_agent.provider",
        "MonitoringAgentProvider",
    )
