"""Converging hosts by Kolla-Ansible: who is concerned by which step, and what is known after it failed.

Stand-ins: a fake kolla-ansible that tells events, and markers in a dictionary instead of on hosts. The real ones
are in tests/lab/test_kolla_deployment.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from clients.errors import CloudError
from clients.ssh import HostUnreachable, SshHost
from dynamic_providers.kolla_deployment import convergence, facts, kolla, markers, verification
from dynamic_providers.kolla_deployment.convergence import Convergence, Result, seen
from dynamic_providers.kolla_deployment.deployment import DeployedHost, KollaDeploymentArgs
from dynamic_providers.kolla_deployment.kolla import Kolla
from dynamic_providers.kolla_deployment.markers import Marker
from tests.managed_hosts import managed_host, ssh_host

STEPS = ("prechecks", "pull", "deploy")
NAMES = ("one", "three", "two")

# Appends its step and hosts to calls; tells the events of a file named like the step, or that all went well.
FAKE_KOLLA_ANSIBLE = """#!/bin/sh
here=$(dirname "$0")
step=$1
while [ "$1" != --limit ]; do shift; done
echo "$step $2" >> "$here/calls"
echo openstack --os-password hunter22
echo '{"event": "task", "task": "nova : Check"}' >> "$PRIVATE_CLOUD_EVENTS"
if [ -e "$here/$step.events" ]; then
    cat "$here/$step.events" >> "$PRIVATE_CLOUD_EVENTS"
    exit 2
fi
"""
FAKE_INVENTORY = """#!/bin/sh
echo '{"control": {"hosts": ["boss"]}, "compute": {"hosts": ["one", "two", "three", "old"]},
 "baremetal": {"children": ["control", "compute"]}}'
"""


def declared(name: str, *roles: str, engine: str = "docker", rack: str = "1", **reached: Any) -> DeployedHost:
    ssh = ssh_host(name, **{"address": f"10.0.0.{len(name)}", **reached})
    host = managed_host(ssh, roles=roles or ("compute",), container_engine=engine, labels={"rack": rack})
    return DeployedHost(**dict(host), removal="refuse", osd_disks=[])


def deployment(**changes) -> KollaDeploymentArgs:
    whole = KollaDeploymentArgs(
        stack="dev",
        hosts={name: declared(name) for name in NAMES},
        steps=list(STEPS),
        globals="a: 1\n",
        cloud="cloud",
        configdir="/etc/kolla",
        config_folder="/etc/kolla/config",
        inventory="/inv",
    )
    return whole.model_copy(update=changes)


class Hosts:
    """What is on the hosts: markers; and which of them do not answer."""

    def __init__(self) -> None:
        self.markers: dict[str, Marker] = {}
        self.silent: set[str] = set()

    def read(self, host: SshHost) -> Marker | None:
        self._reach(host)
        return self.markers.get(host.name)

    def write(self, host: SshHost, marker: Marker) -> None:
        self._reach(host)
        self.markers[host.name] = marker

    def _reach(self, host: SshHost) -> None:
        if host.name in self.silent:
            raise HostUnreachable(f"host {host.name} cannot be reached")


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    made = Hosts()
    monkeypatch.setattr(markers, "read", made.read)
    monkeypatch.setattr(markers, "write", made.write)
    monkeypatch.setattr(convergence, "reload_units", lambda _: None)
    return made


@pytest.fixture
def unverified(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    missing: dict[str, list[str]] = {}
    monkeypatch.setattr(verification, "missing", lambda *_, **__: missing)
    return missing


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    galaxy = "#!/bin/sh\n"
    for name, text in (
        ("kolla-ansible", FAKE_KOLLA_ANSIBLE), ("ansible-inventory", FAKE_INVENTORY), ("ansible-galaxy", galaxy)
    ):  # fmt: skip
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setattr(kolla, "FACTS", tmp_path / "facts")
    return folder


@pytest.fixture
def run(tmp_path: Path, programs: Path, hosts: Hosts, unverified: dict[str, list[str]]):
    del hosts, unverified
    (tmp_path / "passwords.yml").write_text("database_password: hunter22\n")
    with (tmp_path / "lock").open("w") as lock:

        def converge(
            wanted: KollaDeploymentArgs, before: dict[str, Result] | None = None
        ) -> dict[str, Result]:
            (programs / "calls").write_text("")
            way = Kolla(
                str(programs / "kolla-ansible"), tmp_path, tmp_path / "inv", lock.fileno(), tmp_path / "log"
            )
            return Convergence(wanted, way, before or {}).run()

        yield converge


def calls(programs: Path) -> list[str]:
    return [line for line in (programs / "calls").read_text().splitlines() if not line.startswith("gather")]


def well(results: dict[str, Result]) -> set[str]:
    return {name for name, result in results.items() if result.ok}


def fails(programs: Path, step: str, host: str, message: str = "no", *, event: str = "failed") -> None:
    everyone = list(NAMES)
    bad = {"event": event, "host": host, "task": "nova : Copy", "message": message}
    verdict = {"event": "end", "whole": True, "failed": [], "unreachable": [], "seen": everyone} | {
        event: [host]
    }
    (programs / f"{step}.events").write_text(f"{json.dumps(bad)}\n{json.dumps(verdict)}\n")


def test_each_step_runs_once_for_all_hosts_and_is_marked_on_them(run, hosts, programs):
    assert well(run(deployment())) == {*NAMES}
    assert calls(programs) == [f"{step} one,three,two" for step in STEPS]
    assert {marker.steps for marker in hosts.markers.values()} == {(*STEPS, "verify")}


def test_nothing_runs_where_the_markers_say_that_all_is_done(run, programs):
    run(deployment())
    run(deployment())
    assert calls(programs) == []


def test_a_host_that_fails_is_left_out_and_the_others_are_finished(run, hosts, programs):
    fails(programs, "pull", "two", "no such image")
    results = run(deployment())
    assert [name for name, result in results.items() if result.ok] == ["one", "three"]
    found = results["two"]
    assert (found.step, found.task, found.message) == ("pull", "nova : Copy", "no such image")
    assert Path(found.log).exists()
    assert calls(programs)[-1] == "deploy one,three"
    assert hosts.markers["two"].steps == ("prechecks",)


def test_the_next_run_goes_on_where_the_host_failed(run, programs):
    fails(programs, "pull", "two")
    before = run(deployment())
    (programs / "pull.events").unlink()
    assert well(run(deployment(), before)) == {*NAMES}
    assert calls(programs) == ["pull two", "deploy two"]


@pytest.mark.parametrize("done", range(len(STEPS) + 1))
def test_a_run_that_was_killed_goes_on_with_the_steps_that_the_markers_lack(run, hosts, programs, done):
    wanted = deployment()
    for name in NAMES:
        hosts.markers[name] = Marker("dev", wanted.wanted(name), STEPS[:done])
    assert well(run(wanted)) == {*NAMES}
    assert calls(programs) == [f"{step} one,three,two" for step in STEPS[done:]]


def test_a_host_that_is_lost_half_way_fails_and_keeps_what_was_done(run, hosts, programs):
    fails(programs, "deploy", "three", "timed out", event="unreachable")
    results = run(deployment())
    assert (results["three"].ok, results["three"].step, results["three"].message) == (
        False,
        "deploy",
        "timed out",
    )
    assert hosts.markers["three"].steps == ("prechecks", "pull")


def test_a_new_host_that_does_not_answer_fails_alone(run, hosts, programs):
    hosts.silent.add("one")
    results = run(deployment())
    assert (results["one"].step, results["one"].message) == ("reach", "host one cannot be reached")
    assert calls(programs)[0] == "prechecks three,two"


def test_a_host_that_does_not_answer_is_left_as_it_was_if_nothing_new_is_wanted(run, hosts, capsys):
    before = run(deployment())
    hosts.silent.add("one")
    assert run(deployment(), before)["one"].ok
    assert "warning: host one cannot be reached" in capsys.readouterr().err
    assert not run(deployment(globals="a: 2\n"), before)["one"].ok


def test_a_host_of_another_stack_is_not_touched(run, hosts, programs):
    hosts.markers["two"] = Marker("prod", "x", STEPS)
    results = run(deployment())
    assert "says that stack 'prod' deploys this host" in results["two"].message
    assert calls(programs)[0] == "prechecks one,three"
    assert hosts.markers["two"].stack == "prod"


def test_a_host_whose_services_do_not_report_fails_and_is_looked_at_again(run, unverified, programs):
    unverified["two"] = ["Nova has no compute service of two"]
    results = run(deployment())
    assert (results["two"].step, results["two"].message) == ("verify", "Nova has no compute service of two")
    unverified.clear()
    assert run(deployment(), results)["two"].ok
    assert calls(programs) == []


def test_a_storage_host_is_handed_to_ceph_last(run, hosts):
    wanted = deployment(hosts={"one": declared("one", "storage")})
    assert run(wanted)["one"].ok
    assert hosts.markers["one"].steps == (*STEPS, "verify", "ceph")


def test_steps_that_start_nothing_are_not_verified(run, hosts):
    run(deployment(steps=("prechecks",)))
    assert hosts.markers["one"].steps == ("prechecks",)


def test_a_password_is_hidden_in_the_message_and_in_the_log(run, programs):
    fails(programs, "deploy", "two", "access denied with hunter22")
    found = run(deployment())["two"]
    assert found.message == "access denied with ***"
    assert Path(found.log).read_text() == "openstack --os-password ***\n"


def test_bootstrap_servers_is_skipped_with_a_sentence_where_its_collection_is_missing(run, programs, capsys):
    run(deployment(steps=("bootstrap-servers", "prechecks")))
    assert calls(programs) == ["prechecks one,three,two"]
    assert "collection openstack.kolla is not installed" in capsys.readouterr().err


def test_bootstrap_servers_runs_where_its_collection_is_installed(run, programs):
    (programs / "ansible-galaxy").write_text("#!/bin/sh\necho openstack.kolla 1.0.0\n")
    run(deployment(steps=("bootstrap-servers",)))
    assert calls(programs) == ["bootstrap-servers one,three,two"]


def test_an_inventory_that_ansible_cannot_read_is_a_sentence(run, programs):
    (programs / "ansible-inventory").write_text(
        "#!/bin/sh\necho '[ERROR]: inv/host-one.yml is broken' >&2; exit 1\n"
    )
    with pytest.raises(CloudError, match=r"inv/host-one\.yml is broken"):
        run(deployment())


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        ({}, set()),
        ({"globals": "a: 2\n"}, {"one", "two", "boss"}),
        ({"inventory_vars": {"network_interface": "mgmt"}}, {"one", "two", "boss"}),
        ({"service_config": {"nova.conf": "x"}}, {"one", "two", "boss"}),
        ({"service_config": {"nova/two/nova.conf": "x"}}, {"two"}),
        ({"more": declared("more")}, set()),
        ({"more": declared("more", "control")}, {"one", "two", "boss"}),
        ({"more": declared("more", "network")}, {"boss"}),
        ({"two": declared("two", engine="podman")}, {"two"}),
        ({"two": declared("two", "storage")}, {"two"}),
        ({"two": declared("two", address="10.0.0.9")}, {"two"}),
        ({"two": declared("two", rack="2", user="root", port=2022, private_key_file="/other")}, set()),
    ],
)
def test_a_change_concerns_the_hosts_whose_configuration_speaks_of_it(change, concerned):
    before = deployment(
        hosts={"one": declared("one"), "two": declared("two"), "boss": declared("boss", "control")}
    )
    hosts = {name: host for name, host in change.items() if isinstance(host, DeployedHost)}
    fields = {name: value for name, value in change.items() if name not in hosts}
    after = before.model_copy(update={"hosts": {**before.hosts, **hosts}, **fields})
    assert {name for name in before.hosts if before.wanted(name) != after.wanted(name)} == concerned


def test_a_refresh_tells_a_host_whose_marker_is_gone_or_differs_and_keeps_one_that_is_silent(hosts, capsys):
    wanted = deployment()
    fine = {name: Result(ok=True, wanted=wanted.wanted(name)) for name in NAMES}
    hosts.silent.add("one")
    hosts.markers["three"] = Marker("dev", "older", (*STEPS, "verify"))
    results = seen(wanted, fine, frozenset())
    assert results["one"].ok
    assert "host one cannot be reached; it is taken to be as it was" in capsys.readouterr().err
    assert "has no marker" in results["two"].message
    assert "tells of something else" in results["three"].message
    for name in NAMES:
        hosts.markers[name] = Marker("dev", wanted.wanted(name), (*STEPS, "verify"))
    hosts.silent.clear()
    assert well(seen(wanted, results, frozenset())) == {*NAMES}


def test_only_hosts_that_a_configuration_speaks_of_are_asked_for_their_facts():
    groups = {"control": {"boss"}, "monitoring": {"eye"}, "baremetal": {"boss", "eye", "one", "far"}}
    assert facts.needed(groups, ["one"], everybody=False) == ["boss", "eye"]
    assert facts.needed(groups, ["one"], everybody=True) == ["boss", "eye", "far"]
    assert facts.needed(groups, ["eye"], everybody=False) == ["boss", "far", "one"]


def test_facts_of_concerned_hosts_are_forgotten_and_only_unknown_others_are_asked(run, programs, tmp_path):
    def gathered() -> list[str]:
        lines = (programs / "calls").read_text().splitlines()
        return [line for line in lines if line.startswith("gather")]

    run(deployment())
    assert gathered() == ["gather-facts boss"]
    folder = Kolla("k", tmp_path, tmp_path / "inv", 0).facts
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("s1_boss", "s1_one"):
        (folder / name).write_text("{}")
    run(deployment(globals="a: 2\n"))
    assert gathered() == []
    assert [path.name for path in folder.iterdir()] == ["s1_boss"]
