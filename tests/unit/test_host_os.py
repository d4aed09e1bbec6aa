"""The rollout of OS images against hosts of this process, whose bootc is the lab's fake.

tests/lab/test_host_os.py does the same over SSH on simulated hosts that restart.
"""

import json
import types
from contextlib import contextmanager, suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
from openstack.compute.v2.server import Server

from clients import bootc, ssh
from clients.errors import CloudError
from dynamic_providers.host_os import can_reboot, pending_upgrade, restart, rollout, upgrade
from dynamic_providers.host_os.provider import HostOs, HostOsProvider
from dynamic_providers.kolla_deployment import nova_host
from tests.managed_hosts import inputs_of, managed_host, ssh_host

FAKE = Path(__file__).parents[2] / "lab/fakes/host/usr/bin/bootc"
FIRST = "registry.lab.example/host:1"
SECOND = "registry.lab.example/host:2"
WELL = {"nova_compute": "Up 2 minutes (healthy)", "fluentd": "Up 2 minutes"}

crud: Any = HostOsProvider()


class FakeHost:
    """A host with the fake bootc; `dies_at` is a command that kills the run."""

    def __init__(self, name, folder):
        loader = SourceFileLoader(f"bootc_of_{name}", str(FAKE))
        self.boots = 1
        fake: Any = types.ModuleType(loader.name)
        loader.exec_module(fake)
        fake.FOLDER, fake.STATE = folder, folder / "state.json"
        fake.PUSHED, fake.NO_ENGINE = folder / "pushed", folder / "run/no-engine"
        fake.boot_id = lambda: f"boot-{self.boots}"
        self.bootc = fake
        self.name, self.folder = name, folder
        self.containers = dict(WELL)
        self.ails_on = None
        self.notes = {}
        self.down = False
        self.dies_at = None

    def booted(self):
        return json.loads(self.answer(["bootc", "status"]))["status"]["booted"]["image"]["image"]["image"]

    def answer(self, words):
        printed: list[str] = []
        self.bootc.print = printed.append
        try:
            self.bootc.main(words[1:])
        except SystemExit as error:
            raise ssh.RemoteCommandFailed(f"{self.name}: {error}", 1, str(error)) from None
        return "".join(printed)

    def run(self, words, given):
        if words[0] == "bootc":
            return self.answer(words)
        if words[0] == "cat" and pending_upgrade.FILE not in words:
            return f"boot-{self.boots}\n"
        if words == ["systemctl", "reboot"]:
            self.boots += 1
            self.answer(["bootc", "fake-boot"])
            raise ssh.HostUnreachable("hung up")
        if words[0] == "docker":
            ails = self.ails_on and self.ails_on in self.booted()
            states = self.containers | ({"nova_compute": "Up 1 second (unhealthy)"} if ails else {})
            return "".join(f"{name}\t{state}\n" for name, state in states.items())
        if words[0] == "rm":
            self.notes.pop(words[-1], None)
            return ""
        if "mkdir" in words:
            self.notes[pending_upgrade.FILE] = given
            return ""
        return self.notes.get(pending_upgrade.FILE, "")


class Killed(BaseException):
    pass


@pytest.fixture
def hosts(monkeypatch, tmp_path):
    made: dict[str, Any] = {}
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        made[name] = FakeHost(name, tmp_path / name)
    log: list[str] = []
    made["log"] = log

    def run(host, command, *, given="", **_timeout):
        there = made[host.name]
        words = command if isinstance(command, list) else command.split()
        if there.down:
            raise ssh.HostUnreachable(f"{host.where} cannot be reached")
        if words[:2] in (
            ["bootc", "switch"],
            ["bootc", "rollback"],
            ["bootc", "upgrade"],
            ["systemctl", "reboot"],
        ):
            log.append(f"{host.name}: {words[1]}")
        if there.dies_at and there.dies_at in words:
            there.dies_at = None
            with suppress(ssh.HostUnreachable):
                there.run(words, given)
            raise Killed
        return there.run(words, given)

    monkeypatch.setattr(ssh, "run", run)
    monkeypatch.setattr(restart, "POLL_S", 0)
    monkeypatch.setattr(upgrade, "POLL_S", 0)
    return made


@pytest.fixture
def nova(monkeypatch):
    there: dict[str, list[Server]] = {}

    @contextmanager
    def connect(_cloud):
        yield None

    monkeypatch.setattr(can_reboot, "connect", connect)
    monkeypatch.setattr(nova_host, "instances", lambda _connection, host: there.get(host, []))
    return there


def declared(image=SECOND, roles=("storage",), **more):
    def host(name):
        made = managed_host(ssh_host(name, address=f"10.0.0.{ord(name)}"), roles=roles)
        return inputs_of(made) | {"image": image, "serial": 1.0}

    return {
        "hosts": [host(name) for name in "abc"],
        "cloud": "admin",
        "wait": 0.01,
        "on_failure": "rollback",
    } | more


ALL_WELL = {"a": True, "b": True, "c": True}


def oks(outs):
    return {name: found["ok"] for name, found in outs["results"].items()}


def test_hosts_are_brought_to_their_image_one_after_another_in_order(hosts):
    outs = crud.create(declared()).outs
    assert hosts["log"] == [f"{name}: {step}" for name in "abc" for step in ("switch", "reboot")]
    assert oks(outs) == ALL_WELL
    assert {found["image"] for found in outs["results"].values()} == {SECOND}
    assert all(found["digest"].startswith("sha256:") for found in outs["results"].values())


def test_hosts_that_have_booted_their_image_are_left_alone(hosts):
    crud.create(declared(image=FIRST))
    assert hosts["log"] == []


def test_a_host_that_declares_no_image_is_left_alone(hosts):
    props = declared()
    del props["hosts"][1]["image"]
    outs = crud.create(props).outs
    assert "b" not in outs["results"]
    assert "b: switch" not in hosts["log"]


def test_an_image_whose_containers_are_not_as_well_as_before_is_rolled_back_and_the_rest_is_untouched(hosts):
    hosts["b"].ails_on = ":2"
    outs = crud.create(declared()).outs
    assert hosts["log"] == ["a: switch", "a: reboot", "b: switch", "b: reboot", "b: rollback", "b: reboot"]
    assert oks(outs) == {"a": True, "b": False, "c": False}
    assert (hosts["a"].booted(), hosts["b"].booted(), hosts["c"].booted()) == (SECOND, FIRST, FIRST)
    assert "nova_compute (Up 1 second (unhealthy))" in outs["results"]["b"]["message"]
    assert "rolled back to registry.lab.example/host:1" in outs["results"]["b"]["message"]
    assert outs["results"]["c"] == {
        "ok": False,
        "image": FIRST,
        "digest": outs["results"]["c"]["digest"],
        "serial": 1,
        "message": "not touched, as the rollout stopped at host b",
        "untouched": True,
    }


def test_a_host_that_answers_nothing_sensible_while_it_shuts_down_is_waited_for(hosts, monkeypatch):
    answers = [ssh.RemoteCommandFailed("cut off", 255, ""), ssh.LoginRefused("booting")]

    def run_once_cut_off(host, command, **more):
        if hosts["log"] and hosts["log"][-1] == "a: reboot" and answers:
            raise answers.pop()
        return run(host, command, **more)

    run = ssh.run
    monkeypatch.setattr(ssh, "run", run_once_cut_off)
    assert oks(crud.create(declared()).outs)["a"]
    assert not answers


def test_a_container_that_was_not_well_before_is_no_reason_to_roll_back(hosts):
    hosts["a"].containers["heat_api"] = "Exited (1) 3 days ago"
    assert oks(crud.create(declared()).outs)["a"]


def test_an_image_that_fails_is_left_where_the_stack_says_so_and_the_next_run_proves_it_again(hosts):
    hosts["a"].ails_on = ":2"
    outs = crud.create(declared(on_failure="stop")).outs
    assert hosts["a"].booted() == SECOND
    assert "left so, as host_os.on_failure: stop says" in outs["results"]["a"]["message"]
    again = crud.update("host-os", outs, declared(on_failure="stop")).outs
    assert not oks(again)["a"]
    hosts["a"].ails_on = None
    assert oks(crud.update("host-os", again, declared(on_failure="stop")).outs)["a"]


def test_a_boot_loader_that_falls_back_is_told_and_the_rest_is_untouched(hosts):
    outs = crud.create(declared(image="registry.lab.example/host:falls-back")).outs
    assert hosts["log"] == ["a: switch", "a: reboot"]
    assert "has booted registry.lab.example/host:1" in outs["results"]["a"]["message"]
    assert pending_upgrade.FILE not in hosts["a"].notes


def test_an_image_that_cannot_be_fetched_restarts_nothing(hosts):
    outs = crud.create(declared(image="registry.lab.example/no-such-image:2")).outs
    assert hosts["log"] == ["a: switch"]
    assert "manifest unknown" in outs["results"]["a"]["message"]


def test_a_failed_host_is_a_difference_and_the_next_run_goes_on_with_it(hosts):
    hosts["b"].ails_on = ":2"
    outs = crud.create(declared()).outs
    assert crud.diff("host-os", outs, declared()).changes
    hosts["b"].ails_on = None
    hosts["log"].clear()
    assert oks(crud.update("host-os", outs, declared()).outs) == ALL_WELL
    assert hosts["log"] == ["b: switch", "b: reboot", "c: switch", "c: reboot"]


@pytest.mark.parametrize("step", ["switch", "reboot", "docker", "rm"])
def test_a_run_killed_at_any_step_is_gone_on_with(hosts, step):
    hosts["b"].dies_at = step
    with pytest.raises(Killed):
        crud.create(declared())
    outs = crud.create(declared()).outs
    assert oks(outs) == ALL_WELL
    assert hosts["log"].count("b: reboot") == 1
    assert pending_upgrade.FILE not in hosts["b"].notes


@pytest.mark.parametrize("step", ["reboot", "rollback"])
def test_a_run_killed_before_the_proof_failed_still_leads_to_the_rollback(hosts, step):
    hosts["b"].ails_on = ":2"
    hosts["b"].dies_at = step
    with pytest.raises(Killed):
        crud.create(declared())
    outs = crud.create(declared()).outs
    assert hosts["b"].booted() == FIRST
    assert "rolled back" in outs["results"]["b"]["message"]


def test_declaring_the_former_image_again_switches_back_with_the_present_configuration(hosts):
    outs = crud.create(declared()).outs
    hosts["log"].clear()
    outs = crud.update("host-os", outs, declared(image=FIRST)).outs
    assert hosts["log"][:2] == ["a: switch", "a: reboot"]  # bootc rollback would bring /etc of that time back
    assert {host["image"] for host in outs["results"].values()} == {FIRST}


def test_another_serial_fetches_what_the_tag_names_by_now(hosts):
    state = crud.create(declared()).outs
    (hosts["a"].folder / "pushed").write_text(SECOND)
    hosts["log"].clear()
    props = declared()
    for host in props["hosts"]:
        host["serial"] = 2.0
    outs = crud.update("host-os", state, props).outs
    assert hosts["log"] == ["a: upgrade", "a: reboot", "b: upgrade", "c: upgrade"]
    assert outs["results"]["a"]["digest"] != state["results"]["a"]["digest"]
    assert outs["results"]["b"]["serial"] == 2


@pytest.mark.usefixtures("hosts")
def test_a_digest_is_compared_without_the_tag_that_stands_before_it():
    pinned = f"registry.lab.example:5000/host:2026.47@sha256:{'a' * 64}"
    outs = crud.create(declared(image=pinned)).outs
    assert oks(outs) == ALL_WELL
    assert outs["results"]["a"]["digest"] == f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    "by_hand", [["bootc", "switch", "registry.lab.example/host:9"], ["bootc", "rollback"]]
)
def test_a_refresh_finds_what_somebody_else_has_put_in_line_and_the_next_run_takes_it_back(hosts, by_hand):
    outs = crud.create(declared()).outs
    hosts["b"].answer(by_hand)
    found = crud.read("host-os", outs).outs
    assert oks(found) == {"a": True, "b": False, "c": True}
    assert "in line for its next boot" in found["results"]["b"]["message"]
    assert oks(crud.update("host-os", found, declared()).outs) == ALL_WELL
    hosts["b"].boots += 1
    assert hosts["b"].booted() == SECOND


def test_a_refresh_finds_a_host_that_somebody_has_switched(hosts):
    outs = crud.create(declared()).outs
    hosts["c"].answer(["bootc", "switch", "registry.lab.example/host:9"])
    hosts["c"].boots += 1
    found = crud.read("host-os", outs).outs
    assert found["results"]["c"]["image"] == "registry.lab.example/host:9"
    assert crud.diff("host-os", found, declared()).changes


def test_a_host_that_a_refresh_cannot_reach_stays_as_it_is_known(hosts):
    outs = crud.create(declared()).outs
    hosts["c"].down = True
    assert crud.read("host-os", outs).outs == outs


def test_a_refresh_does_not_call_proved_what_was_not(hosts):
    hosts["a"].ails_on = ":2"
    outs = crud.create(declared(on_failure="stop")).outs
    assert not outs["results"]["a"]["ok"]
    assert crud.read("host-os", outs).outs["results"]["a"] == outs["results"]["a"]


@pytest.mark.usefixtures("hosts")
def test_a_refresh_of_hosts_as_they_were_left_is_no_difference():
    outs = crud.create(declared()).outs
    found = crud.read("host-os", outs).outs
    assert found == outs
    assert not crud.diff("host-os", found, declared()).changes


@pytest.mark.usefixtures("hosts")
def test_how_an_upgrade_goes_is_no_reason_to_look_at_hosts(monkeypatch):
    outs = crud.create(declared()).outs
    monkeypatch.setattr(rollout, "roll_out", lambda *_, **__: pytest.fail("hosts were asked"))
    assert crud.update("host-os", outs, declared(on_failure="stop")).outs["on_failure"] == "stop"


def test_a_control_host_is_restarted_only_while_all_others_are_well(hosts):
    hosts["c"].containers["mariadb"] = "Up 5 hours (unhealthy)"
    outs = crud.create(declared(roles=["control"])).outs
    assert hosts["log"] == []
    assert (
        "quorum would be at stake: on c mariadb (Up 5 hours (unhealthy))" in outs["results"]["a"]["message"]
    )


def test_a_control_host_is_not_restarted_while_another_is_down(hosts):
    props = declared(roles=["control"], may_interrupt=["control-plane", "instances"])
    del props["hosts"][2]["image"]
    hosts["c"].down = True
    outs = crud.create(props).outs
    assert hosts["log"] == []
    assert "cannot be reached" in outs["results"]["a"]["message"]


def test_a_control_host_that_failed_keeps_the_others_up(hosts):
    hosts["a"].ails_on = ":2"
    crud.create(declared(roles=["control"], on_failure="stop"))
    assert hosts["log"] == ["a: switch", "a: reboot"]


def test_the_only_control_host_is_restarted_only_where_that_is_declared(hosts):
    props = declared()
    props["hosts"][0]["roles"] = ["control"]
    outs = crud.create(props).outs
    assert hosts["log"] == []
    assert "add control-plane to host_os.may_interrupt" in outs["results"]["a"]["message"]
    assert oks(crud.create(props | {"may_interrupt": ["control-plane"]}).outs)["a"]


def test_a_compute_host_with_running_instances_is_not_restarted_and_they_are_named(hosts, nova):
    nova["a"] = [Server(id="5e0", name="idle", status="SHUTOFF")]
    nova["b"] = [Server(id="5e1", name="web-1", status="ACTIVE")]
    outs = crud.create(declared(roles=["compute"])).outs
    assert oks(outs) == {"a": True, "b": False, "c": False}
    assert "web-1 (5e1, ACTIVE)" in outs["results"]["b"]["message"]
    assert hosts["b"].booted() == FIRST
    assert oks(crud.create(declared(roles=["compute"], may_interrupt=["instances"])).outs)["b"]


def test_a_host_that_was_not_installed_from_an_image_is_told_so():
    host = ssh_host("a")
    answer = {"apiVersion": "org.containers.bootc/v1", "kind": "BootcHost", "status": {"booted": None}}
    with pytest.raises(CloudError, match=r"host a .* has booted no image that bootc knows; install it from"):
        bootc.parsed(host, json.dumps(answer))
    with pytest.raises(CloudError, match=r"something else than org[.]containers[.]bootc/v1 BootcHost"):
        bootc.parsed(host, "no json")


def test_the_names_in_state_do_not_change():
    assert HostOs._resource_type_name == "dynamic/hosts:HostOs"
    assert (HostOsProvider.__module__, HostOsProvider.__name__) == (
        "dynamic_providers.host_os.provider",
        "HostOsProvider",
    )
