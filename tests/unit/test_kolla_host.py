"""A Kolla host's CRUD, with a fake ssh that answers for the host.

tests/lab/test_kolla_host.py runs the same against a simulated host.
"""

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients import ssh
from clients.errors import CloudError
from dynamic_providers.kolla_host import enrolment, inventory, made_files
from dynamic_providers.kolla_host.provider import KollaHost, KollaHostProvider
from tests.managed_hosts import inputs_of, managed_host, reached, ssh_host

KOLLA = str(Path(__file__).parents[2] / ".cloud" / "kolla" / "programs" / "kolla-ansible")
crud: Any = KollaHostProvider()
FSID = "317c3485-eaee-4855-b037-26ba60bceee8"
KEY, OTHER_KEY = ("ssh-ed25519 " + base64.b64encode(name).decode() for name in (b"one", b"two"))
NONE = ["set", []]


def switch(vlans):
    def ids(*names):
        return ["set", [["uuid", name] for name in names]]

    return {
        "bridge": {"headings": ["name", "ports"], "data": [["br-link", ids("p1", "p2")]]},
        "port": {
            "headings": ["_uuid", "name", "interfaces", "tag", "trunks"],
            "data": [
                [["uuid", "p1"], "bond0", ids("i1", "i2"), NONE, NONE],
                [["uuid", "p2"], "link-to-ex", ids("i3"), NONE, ["set", vlans]],
            ],
        },
        "interface": {
            "headings": ["_uuid", "name", "link_state"],
            "data": [[["uuid", f"i{n}"], name, "up"] for n, name in enumerate(["eno1", "eno2", "ex"], 1)],
        },
    }


class FakeHost:
    """What the programs `ssh` and `ssh-keyscan` of the test's PATH answer with."""

    def __init__(self, folder):
        self.folder = folder
        self.messages: dict[str, Any] = {
            "nodename": "compute-1",
            "engine": {"out": "24.0\n"},
            "switch": {"out": switch([120, 130])},
            "network": {"out": None},
            "interfaces": ["eno1", "eno2"],
            "bootc": None,
            "disks": {path: self.disk() for path in ("/dev/a", "/dev/b")},
        }
        self.shows(KEY)
        self.answers()

    @staticmethod
    def disk(osd=None, device="/dev/sd"):
        signatures = ["ceph_bluestore"] if osd else []
        return {"device": device, "size": 1 << 30, "in_use": False, "osd": osd, "signatures": signatures}

    def has(self, **changed):
        self.messages |= changed
        self.answers()

    def answers(self):
        for n, path in enumerate(self.messages["disks"]):
            self.messages["disks"][path]["device"] = f"/dev/sd{n}"
        self.program("ssh", f"cat > /dev/null; echo looked >> {self.folder}/log; cat {self.folder}/answer")
        (self.folder / "answer").write_text("Welcome!\n" + json.dumps(self.messages) + "\n", encoding="utf-8")

    def fails(self, log="", code=255, stderr=""):
        self.program("ssh", f"cat > /dev/null; echo '{log}' > $2; echo '{stderr}' >&2; exit {code}")

    def shows(self, key):
        self.program("ssh-keyscan", f"echo 'address {key}'" if key else "exit 1")

    def program(self, name, text):
        (self.folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (self.folder / name).chmod(0o755)

    @property
    def looks(self):
        log = self.folder / "log"
        return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


@pytest.fixture
def host(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return FakeHost(folder)


def reached_in(folder):
    known_hosts = inventory.known_hosts_of(folder / "inventory", "compute-1")
    return ssh_host(user="root", private_key_file=folder / "id", known_hosts_file=known_hosts)


@pytest.fixture
def args(tmp_path):
    (tmp_path / "id").write_text("a private key", encoding="utf-8")
    return {
        **inputs_of(managed_host(reached_in(tmp_path), roles=("compute", "storage"))),
        "inventory": str(tmp_path / "inventory"),
        "command": KOLLA,
        "inventory_vars": {"network_interface": "mgmt"},
        "kickstart": "reboot\n",
        "kickstart_file": str(tmp_path / "kickstarts" / "compute-1.ks"),
        "links": ["eno1", "eno2"],
        "vlans": [120.0, 130.0],
        "osd_disks": ["/dev/a"],
    }


def files(args):
    folder = Path(args["inventory"])
    return [
        Path(args["kickstart_file"]),
        Path(args["ssh"]["known_hosts_file"]),
        folder / f"host-{args['ssh']['name']}.yml",
    ]


def created(args):
    result = crud.create(args)
    assert result.id == args["ssh"]["name"]
    return result.outs


def refreshed(state):
    result = crud.read("compute-1", state)
    assert result.id == "compute-1"
    return result.outs


def changes(state, args):
    return crud.diff("compute-1", state, args).changes


def updated(state, args):
    return crud.update("compute-1", state, args).outs


def test_the_resource_type_stays_what_is_in_state():
    assert KollaHost._resource_type_name == "dynamic/kolla:KollaHost"


@pytest.mark.usefixtures("host")
def test_a_fit_host_is_in_the_inventory_with_its_key_and_its_kickstart(args):
    state = created(args)
    kickstart, pin, entry = files(args)
    assert kickstart.read_text(encoding="utf-8") == f"{made_files.MARKER}\nreboot\n"
    assert pin.read_text(encoding="utf-8").splitlines()[1] == f"10.0.0.21 {KEY}"
    assert "compute-1" in yaml.safe_load(entry.read_text(encoding="utf-8"))["storage"]["hosts"]
    assert state["seen_host_key"] == KEY
    assert state["disks"] == {"/dev/a": 1 << 30, "/dev/b": 1 << 30}
    assert not changes(state, args)


@pytest.mark.usefixtures("host")
def test_state_is_plain_data(args):
    state = created(args)
    assert json.loads(json.dumps(state)) == state


@pytest.mark.usefixtures("host")
def test_a_refresh_of_what_is_as_it_was_changes_nothing(args):
    state = created(args)
    assert refreshed(state) == state


def test_another_os_image_or_engine_is_no_drift(host, args, capfd):
    state = created(args)
    host.has(
        engine={"out": "25.0\n"}, bootc={"status": {"booted": {"image": {"image": {"image": "r/host:2"}}}}}
    )
    assert refreshed(state) == state
    assert "host compute-1 answers: OS image r/host:2, docker 25.0, 2 OSD disks" in capfd.readouterr().err


def test_an_unfit_host_never_gets_into_the_inventory_and_all_it_lacks_is_told(host, args):
    host.has(engine={"error": "there is no command docker"}, switch={"out": switch([120])})
    with pytest.raises(CloudError, match="host compute-1 is not fit, in 2 points") as caught:
        crud.create(args)
    assert "VLAN 130 is not on br-link" in str(caught.value)
    assert "docker does not answer (there is no command docker)" in str(caught.value)
    assert not files(args)[2].exists()


def test_an_old_osd_is_refused_by_name(host, args):
    host.has(disks={"/dev/a": FakeHost.disk({"id": "3", "uuid": "u", "cluster": FSID})})
    with pytest.raises(
        CloudError, match=rf"disk /dev/a .*still carries osd.3 \(u\) of the Ceph cluster {FSID}"
    ):
        crud.create(args)


def test_disks_that_ceph_has_filled_since_are_fine_and_new_ones_are_looked_at(host, args):
    state = created(args)
    osd = FakeHost.disk({"id": "3", "cluster": FSID})
    host.has(disks={"/dev/a": osd, "/dev/b": FakeHost.disk()})
    state = refreshed(state)
    assert not changes(state, args)
    more = args | {"osd_disks": ["/dev/a", "/dev/b"]}
    host.has(disks={"/dev/a": osd, "/dev/b": FakeHost.disk({"id": "9", "cluster": FSID})})
    with pytest.raises(CloudError, match=r"disk /dev/b .*still carries osd.9"):
        updated(state, more)
    host.has(disks={"/dev/a": osd, "/dev/b": FakeHost.disk()})
    assert updated(state, more)["checked_disks"] == ["/dev/a", "/dev/b"]


def test_an_unreachable_host_is_to_be_installed_from_its_kickstart(host, args):
    host.shows(None)
    with pytest.raises(ssh.HostUnreachable, match=rf"install it from {args['kickstart_file']}"):
        crud.create(args)
    host.shows(KEY)
    host.fails("ssh: connect to host 10.0.0.21 port 22: No route to host")
    with pytest.raises(
        ssh.HostUnreachable, match=rf"No route to host.*install it from {args['kickstart_file']}"
    ):
        crud.create(args)
    kickstart, _, entry = files(args)
    assert kickstart.exists()
    assert not entry.exists()


def test_a_host_that_hangs_up_while_it_is_looked_at_is_told_and_the_rerun_goes_on(host, args):
    host.fails(stderr="Connection to 10.0.0.21 closed by remote host.")
    with pytest.raises(ssh.HostUnreachable, match="hung up half way"):
        crud.create(args)
    host.answers()
    assert not changes(created(args), args)


def test_a_host_without_python_is_told_so(host, args):
    host.fails(code=97)
    with pytest.raises(CloudError, match=r"host compute-1 .* has no python3"):
        crud.create(args)


def test_an_answer_that_is_none_is_told(host, args):
    host.program("ssh", "cat > /dev/null; echo This account is closed.")
    with pytest.raises(CloudError, match="what it printed is no answer"):
        crud.create(args)


def test_a_declared_key_counts_and_nothing_is_asked_for_one(host, args):
    host.program("ssh-keyscan", f"touch {host.folder}/asked; echo 'address {OTHER_KEY}'")
    state = created(args | {"host_key": f"{KEY} root@compute-1"})
    assert state["seen_host_key"] == KEY
    assert not (host.folder / "asked").exists()


def test_the_first_key_seen_stays_whatever_the_host_shows_later(host, args):
    host.fails("ssh: connect to host 10.0.0.21 port 22: Connection refused")
    with pytest.raises(ssh.HostUnreachable):
        crud.create(args)  # pinned, and no state
    host.shows(OTHER_KEY)
    host.answers()
    state = created(args)
    assert state["seen_host_key"] == KEY
    state = updated(state, args | {"labels": {"rack": "1"}})
    assert state["seen_host_key"] == KEY
    assert files(args)[1].read_text(encoding="utf-8").splitlines()[1] == f"10.0.0.21 {KEY}"


def test_a_refresh_keeps_what_is_known_of_a_host_that_does_not_answer(host, args, capfd):
    state = created(args)
    host.fails("ssh: connect to host 10.0.0.21 port 22: No route to host")
    assert refreshed(state) == state
    output = capfd.readouterr().err
    assert "No route to host" in output
    assert "install it" not in output  # it would lose what is on it


@pytest.mark.usefixtures("host")
def test_an_edited_inventory_file_is_drift_and_is_written_anew_with_a_word(args, capfd):
    state = created(args)
    entry = files(args)[2]
    before = entry.read_text(encoding="utf-8")
    entry.write_text(before.replace("mgmt", "eno1"), encoding="utf-8")
    state = refreshed(state)
    assert state["drift"] == [f"{entry} was edited by hand"]
    assert changes(state, args)
    state = updated(state, args)
    assert entry.read_text(encoding="utf-8") == before
    assert not changes(state, args)
    assert f"{entry} was edited by hand; it is written anew" in capfd.readouterr().err


@pytest.mark.usefixtures("host")
def test_a_lost_file_is_drift_and_the_host_is_not_gone(args):
    state = created(args)
    for path in files(args):
        path.unlink()
    state = refreshed(state)
    assert len(state["drift"]) == 3
    updated(state, args)
    assert all(path.exists() for path in files(args))


def test_what_a_host_has_lost_is_found_by_a_refresh_and_stops_the_next_run(host, args):
    state = created(args)
    host.has(switch={"out": switch([120])})
    state = refreshed(state)
    assert changes(state, args)
    with pytest.raises(CloudError, match="VLAN 130 is not on br-link"):
        updated(state, args)
    host.has(switch={"out": switch([120, 130])})
    assert not changes(updated(state, args), args)


def test_a_change_that_does_not_concern_the_host_needs_no_connection(host, args):
    state = created(args)
    looks = host.looks
    updated(state, args | {"kickstart": "poweroff\n", "labels": {"rack": "1"}, "roles": ["compute"]})
    assert host.looks == looks
    updated(state, args | {"vlans": [120.0]})
    assert host.looks == looks + 1


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("which", [0, 1, 2])
def test_somebody_else_s_file_is_refused_before_anything_is_written(args, which):
    theirs = files(args)[which]
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("mine: {}\n", encoding="utf-8")
    with pytest.raises(CloudError, match=f"{theirs} is there and was not made by this program"):
        crud.create(args)
    assert theirs.read_text(encoding="utf-8") == "mine: {}\n"
    assert [path for path in files(args) if path.exists()] == [theirs]


@pytest.mark.usefixtures("host")
def test_a_host_that_another_file_defines_is_refused(args, tmp_path):
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "multinode").write_text("[compute]\ncompute-1\n", encoding="utf-8")
    with pytest.raises(CloudError, match=r"host compute-1 is in .*multinode too"):
        crud.create(args)


@pytest.mark.usefixtures("host")
def test_another_file_that_came_to_define_the_host_is_found_by_a_refresh(args):
    state = created(args)
    other = Path(args["inventory"], "multinode")
    other.write_text("[compute]\ncompute-1\n", encoding="utf-8")
    state = refreshed(state)
    assert changes(state, args)
    with pytest.raises(CloudError, match=f"host compute-1 is in {other} too"):
        updated(state, args)
    other.unlink()
    assert not changes(updated(state, args), args)


@pytest.mark.usefixtures("host")
def test_a_refresh_without_kolla_ansible_is_no_drift_and_says_what_it_has_not_checked(args, capfd):
    state = created(args)
    Path(args["inventory"], "multinode").write_text("[compute]\ncompute-1\n", encoding="utf-8")
    args["command"] = state["command"] = "no-kolla"
    assert not changes(refreshed(state), args)
    assert "who else is in the inventory is not checked without no-kolla" in capfd.readouterr().err


@pytest.mark.usefixtures("host")
def test_a_renamed_host_is_refused_while_the_old_one_is_there(args):
    created(args)
    pin = args["ssh"]["known_hosts_file"].replace("-1", "-9")
    renamed = reached(args, name="compute-9", known_hosts_file=pin)
    renamed["kickstart_file"] = args["kickstart_file"].replace("-1", "-9")
    with pytest.raises(CloudError, match=r"belongs to host compute-1 .*was it renamed"):
        crud.create(renamed)


@pytest.mark.usefixtures("host")
def test_a_machine_that_still_has_its_old_name_is_refused(args):
    renamed = reached(args, name="compute-9")
    with pytest.raises(CloudError, match="calls itself compute-1, not compute-9"):
        crud.create(renamed)


def test_another_inventory_folder_is_a_move_and_leaves_nothing_in_the_old_one(host, args, tmp_path):
    state = created(args)
    folder = tmp_path / "elsewhere"
    pin = str(inventory.known_hosts_of(folder, "compute-1"))
    moved = reached(args, known_hosts_file=pin) | {"inventory": str(folder)}
    host.has(
        disks={"/dev/a": FakeHost.disk({"id": "3", "cluster": FSID})}
    )  # in use by now: no reason to refuse
    looks = host.looks
    state = updated(state, moved)
    assert host.looks == looks
    assert all(path.exists() for path in files(moved))
    assert not [path for path in (tmp_path / "inventory").rglob("*") if path.is_file()]
    assert not changes(state, moved)


def test_delete_removes_the_files_and_asks_the_host_nothing(host, args):
    state = created(args)
    looks = host.looks
    crud.delete("compute-1", state)
    assert not [path for path in files(args) if path.exists()]
    crud.delete("compute-1", state)  # gone is success
    assert host.looks == looks


@pytest.mark.usefixtures("host")
def test_delete_leaves_a_file_that_somebody_put_in_its_place(args, capfd):
    state = created(args)
    files(args)[2].write_text("mine: {}\n", encoding="utf-8")
    crud.delete("compute-1", state)
    assert [path for path in files(args) if path.exists()] == [files(args)[2]]
    assert "somebody else's file is in its place" in capfd.readouterr().err


class Killed(BaseException):
    """Stands for SIGKILL."""


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("step", ["write_kickstart", "pin", "first_look", "require_fit", "write_entry"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_anywhere_is_finished_by_the_next_one(args, monkeypatch, step, when):
    done = getattr(enrolment, step)

    def killed(*arguments, **options):
        if when == "after":
            done(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(enrolment, step, killed)
        with pytest.raises(Killed):
            crud.create(args)
    state = created(args)
    assert not changes(refreshed(state), args)
    found = [
        path
        for path in Path(args["inventory"]).parent.rglob("*")
        if path.is_file() and "bin" not in path.parts
    ]
    assert sorted(found) == sorted([*files(args), Path(args["ssh"]["private_key_file"])])


@pytest.mark.parametrize(
    ("field", "value"),
    [("ssh", {"name": "../etc"}), ("links", ["eno1"]), ("container_engine", "lxc"), ("roles", [])],
)
def test_what_cannot_be_is_refused_before_anything_is_touched(args, field, value):
    given = args["ssh"] | value if field == "ssh" else value
    failures = crud.check({}, args | {field: given}).failures
    assert [failure.property.partition(".")[0] for failure in failures] == [field]


def test_no_message_shows_the_private_key(host, args):
    host.fails("root@10.0.0.21: Permission denied (publickey).")
    with pytest.raises(ssh.LoginRefused) as caught:
        crud.create(args)
    assert re.search("a private key", str(caught.value)) is None
