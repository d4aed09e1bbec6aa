"""A running host's network is changed as declared, or is what it was; a fake host answers in place of ssh.

tests/lab/test_kolla_host_network.py has the real switch, systemd and connections that are cut.
"""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from clients import ssh
from clients.errors import CloudError
from dynamic_providers.kolla_host import inventory, network
from dynamic_providers.kolla_host.provider import KollaHostProvider
from tests.managed_hosts import inputs_of, managed_host, ssh_host
from tests.unit.test_kolla_host import KEY, switch

crud: Any = KollaHostProvider()
MANAGEMENT = {"vlan": 110, "address": "10.0.0.21/24", "gateway": "10.0.0.1"}
FILE: dict[str, Any] = {
    "links": ["eno1", "eno2"],
    "bond_mode": "active-backup",
    "mtu": 1500,
    "datapath_type": "system",
    "management": MANAGEMENT,
    "vlans": [120],
}


class Host:
    """A fake: what it answers to the three commands that a host is given."""

    def __init__(self) -> None:
        self.file: dict[str, Any] | None = FILE
        self.error: str | None = None
        self.name = "compute-1"
        self.given: list[dict[str, Any]] = []
        self.answers = ["changing", "confirmed"]  # to the questions whether the change can be confirmed
        self.busy = 0  # how often a former change is still to be waited for

    def run(self, target: ssh.SshHost, command: str, *, given: str = "", timeout: float = 30) -> str:
        assert timeout <= 90
        if "exec python3" in command:
            return self.looked_at()
        if "systemd-run" in command:
            if self.busy:
                self.busy -= 1
                return "Welcome!\nnetwork changing\n"
            self.given.append(json.loads(given))
            return "Welcome!\nnetwork started\n"
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "silent":
            raise ssh.HostUnreachable(f"{target.where} cannot be reached: No route to host")
        if answer == "confirmed":
            self.file = self.given[-1]
        return f"Welcome!\nnetwork {answer}\n"

    def looked_at(self) -> str:
        message = {
            "nodename": self.name,
            "engine": {"out": "24.0\n"},
            "switch": {"out": switch(self.file["vlans"] if self.file else [120])},
            "network": {"error": self.error} if self.error else {"out": self.file},
            "interfaces": ["lo", "eno1", "eno2", "eno3"],
            "bootc": None,
            "disks": {},
        }
        return json.dumps(message) + "\n"


@pytest.fixture
def host(monkeypatch):
    fake = Host()
    clock = iter(range(1000000))
    monkeypatch.setattr(ssh, "run", fake.run)
    time = SimpleNamespace(sleep=lambda _: None, monotonic=lambda: float(next(clock)))
    monkeypatch.setattr(network, "time", time)
    return fake


def wanted(**changed):
    return json.dumps(FILE | changed)


@pytest.fixture
def args(tmp_path):
    (tmp_path / "id").write_text("a private key", encoding="utf-8")
    known_hosts = inventory.known_hosts_of(tmp_path / "inventory", "compute-1")
    target = ssh_host(private_key_file=tmp_path / "id", known_hosts_file=known_hosts)
    return {
        **inputs_of(managed_host(target)),
        "host_key": KEY,
        "inventory": str(tmp_path / "inventory"),
        "kickstart": "reboot\n",
        "kickstart_file": str(tmp_path / "compute-1.ks"),
        "links": ["eno1", "eno2"],
        "vlans": [120.0],
        "network": wanted(),
    }


def more(args):
    return args | {"vlans": [120.0, 130.0], "network": wanted(vlans=[120, 130])}


def updated(state, args):
    return crud.update("compute-1", state, args).outs


def test_a_host_that_has_what_is_declared_is_left_alone(host, args):
    text = json.dumps(FILE, indent=2, sort_keys=True)  # another text that says the same
    state = crud.create(args | {"network": text}).outs
    assert host.given == []
    assert crud.read("compute-1", state).outs == state


def test_a_vlan_more_reaches_the_running_host(host, args, capfd):
    state = crud.create(args).outs
    after = updated(state, more(args))
    assert host.given == [FILE | {"vlans": [120, 130]}]
    assert crud.read("compute-1", after).outs == after
    assert not crud.diff("compute-1", after, more(args)).changes
    assert "its network changes, vlans [120] → [120, 130]" in capfd.readouterr().err


@pytest.mark.parametrize(
    "changed", [{"links": ["eno1", "eno3"]}, {"bond_mode": "balance-slb"}, {"mtu": 9000}, {"vlans": []}]
)
def test_whatever_may_change_is_brought_to_the_host(host, args, changed):
    state = crud.create(args).outs
    outside = {key: value for key, value in changed.items() if key == "vlans"}
    if "links" in changed:
        with pytest.raises(CloudError, match="link eno3 is not in the bond"):  # the fake's bond is fixed
            updated(state, args | {"network": wanted(**changed), "links": changed["links"]})
    else:
        updated(state, args | {"network": wanted(**changed)} | outside)
    assert host.given == [FILE | changed]


def test_a_new_host_gets_it_before_it_is_judged(host, args):
    crud.create(more(args))
    assert host.given == [FILE | {"vlans": [120, 130]}]


def test_a_host_that_does_not_come_back_has_its_former_network_and_the_state_stays_true(host, args, capfd):
    state = crud.create(args).outs
    host.answers = ["silent", "silent", "restored"]
    with pytest.raises(CloudError, match="has its former one again: nobody reached it within 60 s"):
        updated(state, more(args))
    assert "does not answer with its new network yet" in capfd.readouterr().err
    assert crud.read("compute-1", state).outs == state
    host.answers = ["confirmed"]
    updated(state, more(args))
    assert host.file == FILE | {"vlans": [120, 130]}


def test_what_the_host_complains_of_is_told(host, args):
    host.answers = ["restored\nhost-network: `ovs-vsctl` failed"]
    with pytest.raises(CloudError, match=r"could not make it \(host-network: `ovs-vsctl` failed\)"):
        crud.create(more(args))


@pytest.mark.parametrize(
    ("answer", "says"), [("silent", "its console"), ("changing", "does not end; look at `systemctl status")]
)
def test_a_host_that_never_answers_again_is_given_up_with_a_sentence(host, args, answer, says):
    host.answers = [answer]
    with pytest.raises(CloudError, match=says):
        crud.create(more(args))


def test_a_former_change_that_was_left_is_waited_for(host, args, capfd):
    host.busy = 3
    crud.create(more(args))
    assert host.given == [FILE | {"vlans": [120, 130]}]
    assert capfd.readouterr().err.count("still waits for a former change") == 3
    host.busy = 10000
    with pytest.raises(CloudError, match="does not end; look at `systemctl status"):
        updated(crud.create(args | {"network": wanted(vlans=[120, 130])}).outs, args)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"management": MANAGEMENT | {"vlan": 111}}, "the management port .* on VLAN 110.* on VLAN 111"),
        (
            {"management": MANAGEMENT | {"gateway": None}},
            "gateway 10.0.0.1, in the stack file .*gateway none",
        ),
        ({"management": MANAGEMENT | {"address": "10.0.0.22/24"}}, "is 10.0.0.21/24 .*10.0.0.22/24"),
        (
            {"datapath_type": "netdev"},
            r"\(kolla.globals.ovs_datapath\) .* is system, in the stack file netdev",
        ),
        ({"links": ["eno1", "eno9"]}, "has no link eno9, and its network stays as it was"),
    ],
)
def test_what_would_cut_the_host_off_is_refused_before_it_is_touched(host, args, changed, sentence):
    state = crud.create(args).outs
    with pytest.raises(CloudError, match=sentence):
        updated(state, args | {"network": wanted(**changed)})
    assert host.given == []


def test_a_host_that_is_another_one_is_not_touched(host, args):
    host.name = "compute-2"
    with pytest.raises(CloudError, match="calls itself compute-2"):
        crud.create(more(args))
    assert host.given == []


def test_a_file_that_was_edited_by_hand_is_drift_and_put_right(host, args):
    state = crud.create(args).outs
    host.file = FILE | {"mtu": 9000, "by_hand": True}
    state = crud.read("compute-1", state).outs
    assert state["unmet"] == ["/etc/private-cloud/network.json there is not as declared in by_hand and mtu"]
    assert crud.diff("compute-1", state, args).changes
    state = updated(state, args)
    assert host.file == FILE
    assert not crud.diff("compute-1", state, args).changes


def test_a_file_that_cannot_be_read_is_refused(host, args):
    host.error = "Expecting value: line 1"
    with pytest.raises(CloudError, match=r"network.json there cannot be read .Expecting value: line 1.; put"):
        crud.create(args)
    assert host.given == []


def test_a_host_that_was_installed_otherwise_keeps_its_network(host, args):
    host.file = None
    state = crud.create(args).outs
    assert crud.read("compute-1", state).outs == state
    with pytest.raises(CloudError, match="VLAN 130 is not on br-link"):
        updated(state, more(args))
    assert host.given == []


def test_an_answer_that_is_none_is_told(host, args):
    host.answers = ["closed"]
    with pytest.raises(CloudError, match="what it printed is no answer"):
        crud.create(more(args))


def test_what_systemd_would_put_values_into_is_not_in_its_command():
    assert not set("$%") & set(network._CHANGE)
