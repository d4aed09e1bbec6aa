"""Simulated hosts: what is on record of them, and what a machine lacks for them."""

import json
import stat
from types import SimpleNamespace

import psutil
import pytest

from lab import __main__ as command
from lab import bring_up, environment, settings
from lab.hosts import control_groups, count, fabric, host, keys, layer, plan, preflight, record
from lab.settings import Lab, LabError
from lab.supervisor import rendered

LONGEST_INTERFACE_NAME = 15
KEY = "ssh-ed25519 AAAAC3Nz"


@pytest.fixture
def lab(tmp_path, monkeypatch):
    made = Lab(root=tmp_path, address="127.0.0.7", links=tmp_path)
    made.link()
    monkeypatch.setattr(keys, "make", make_key)
    return made


def make_key(private, comment, _log):
    """Stand in for ssh-keygen."""
    private.parent.mkdir(parents=True, exist_ok=True)
    private.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    private.with_name(f"{private.name}.pub").write_text(f"{KEY} {comment}\n")


def test_a_lab_has_no_hosts_until_some_are_asked_for(lab):
    assert count.recorded(lab) == 0
    assert plan.daemons(lab) == ()
    assert "lab-host" not in rendered(lab, plan.daemons(lab))
    assert "LAB_HOSTS" not in environment.exports(lab)


def test_every_later_command_means_as_many_hosts_as_were_asked_for_last(lab):
    count.record(lab, 3)
    assert [each.name for each in plan.daemons(lab)][-3:] == ["lab-host-1", "lab-host-2", "lab-host-3"]
    count.record(lab, 2)
    assert [each.name for each in plan.hosts(lab)] == ["lab-host-1", "lab-host-2"]
    assert f"export LAB_HOSTS={lab.folder}/etc/hosts.json" in environment.exports(lab)


@pytest.mark.parametrize("number", [-1, 10])
def test_a_number_of_hosts_that_cannot_be_is_refused_and_not_recorded(lab, number):
    with pytest.raises(LabError, match=f"--hosts is {number}, but"):
        count.record(lab, number)
    assert count.recorded(lab) == 0


def test_a_reset_brings_up_as_many_hosts_as_there_were(lab, monkeypatch):
    requests = []
    monkeypatch.setattr(bring_up, "down", lambda _: True)
    monkeypatch.setattr(bring_up, "up", lambda _lab, _clock, number: requests.append(number))
    count.record(lab, 2)
    command.reset(lab)
    assert requests == [2]


def test_two_labs_share_no_network_no_namespace_and_no_link(tmp_path):
    one, other = Lab(root=tmp_path / "a", address="127.0.0.1"), Lab(root=tmp_path / "b", address="127.0.0.2")
    assert not one.host_network.overlaps(other.host_network)
    assert host.SimulatedHost(one, 1).namespace != host.SimulatedHost(other, 1).namespace
    assert fabric.namespace(one) != fabric.namespace(other)
    assert fabric.machine_link(one) != fabric.machine_link(other)


def test_interfaces_names_fit_the_kernel(lab):
    names = [fabric.machine_link(lab), fabric.MACHINE_PORT]
    names += [each.switch_port(link) for each in host.every(lab, count.MOST) for link in host.LINKS]
    assert max(len(name) for name in names) <= LONGEST_INTERFACE_NAME
    assert len(set(names)) == len(names)


def test_programs_are_told_each_hosts_login_links_and_disks(lab):
    count.record(lab, 2)
    plan.make_keys(lab)
    first, second = json.loads(record.path(lab).read_text())
    assert first == {
        "name": "lab-host-1",
        "address": "198.18.7.21",
        "port": 22,
        "user": "kolla",
        "private_key_file": f"{lab.folder}/etc/hosts/id_ed25519",
        "host_key": KEY,
        "links": ["eno1", "eno2"],
        "osd_disks": ["/dev/disk/by-id/lab-host-1-osd-1", "/dev/disk/by-id/lab-host-1-osd-2"],
        "install_disk": "/dev/disk/by-id/lab-host-1-install",
    }
    assert not set(first["osd_disks"]) & set(second["osd_disks"])


def test_a_hosts_own_files_give_it_its_name_its_network_and_its_keys(lab, monkeypatch):
    monkeypatch.setattr("shutil.chown", lambda *_: None)
    count.record(lab, 1)
    plan.make_keys(lab)
    (only,) = plan.hosts(lab)
    plan.make(only)
    assert (only.layer / "etc/hostname").read_text() == "lab-host-1\n"
    network = json.loads((only.layer / "etc/private-cloud/network.json").read_text())
    assert network["management"] == {"vlan": 110, "address": "198.18.7.21/24", "gateway": "198.18.7.1"}
    assert network["links"] == ["eno1", "eno2"]
    engine = json.loads((only.layer / "etc/docker/daemon.json").read_text())
    assert engine["insecure-registries"] == [f"198.18.7.1:{settings.Ports().registry}"]
    private = only.layer / "etc/ssh/ssh_host_ed25519_key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert (only.layer / "home/kolla/.ssh/authorized_keys").read_text() == f"{KEY} lab\n"


def test_a_hosts_disks_keep_what_is_on_them_and_take_no_room(lab, monkeypatch):
    monkeypatch.setattr(layer, "render", lambda _: None)
    count.record(lab, 1)
    (only,) = plan.hosts(lab)
    plan.make(only)
    disk = next(iter(only.disks))
    assert disk.stat().st_blocks == 0
    with disk.open("r+b") as handle:
        handle.write(b"kept")
    plan.make(only)
    with disk.open("rb") as handle:
        assert handle.read(4) == b"kept"
    assert disk.stat().st_size == only.disks[disk]


def test_a_machine_that_lacks_what_hosts_need_is_told_what(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(
        preflight, "other_holder", lambda _: None
    )  # a lab beside this test may hold that network
    systems = tmp_path / "filesystems"
    systems.write_text("nodev\ttmpfs\n\text4\n")
    lacking = tmp_path / "no-tun"
    assert preflight.check(lab, file_systems=systems, tun=lacking) == []
    count.record(lab, 1)
    found = preflight.check(lab, file_systems=systems, tun=lacking)
    assert [("overlayfs" in finding, str(lacking) in finding) for finding in found] == [
        (True, False),
        (False, True),
    ]
    assert all("--hosts 0" in finding for finding in found)


def test_another_holder_of_the_hosts_network_is_named(lab, monkeypatch):
    shown = [
        {"ifname": fabric.machine_link(lab), "addr_info": [{"family": "inet", "local": "198.18.7.1"}]},
        {"ifname": "eth0", "addr_info": [{"family": "inet6", "local": "fe80::1"}]},
        {"ifname": "lab-others", "addr_info": [{"family": "inet", "local": "198.18.7.1"}]},
    ]
    monkeypatch.setattr("subprocess.run", lambda *_, **__: Shown(json.dumps(shown)))
    assert preflight.other_holder(lab) == "lab-others"


class Shown:
    """What a program printed."""

    def __init__(self, stdout: str) -> None:
        self.stdout = stdout


@pytest.mark.parametrize(
    ("mounts", "where"),
    [
        ([("/sys/fs/cgroup", "cgroup2")], "/sys/fs/cgroup"),
        ([("/c/memory", "cgroup"), ("/c/unified", "cgroup2")], "/c/unified"),
        ([("/run", "tmpfs")], None),
    ],
)
def test_control_groups_are_found_wherever_the_machine_has_them(monkeypatch, mounts, where):
    found_mounts = [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: found_mounts)
    found = control_groups.hierarchy()
    assert (str(found) if found else None) == where
