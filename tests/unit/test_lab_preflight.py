"""What `up` says before it starts anything."""

import os
import socket
from pathlib import Path

import pytest

from lab import packages, preflight
from lab.daemon import Daemon
from lab.settings import Lab, LabError
from toolchain import packages as debian

GIB = 1024**3


@pytest.fixture
def lab(tmp_path):
    made = Lab(root=tmp_path, links=tmp_path)
    made.link()
    return made


@pytest.fixture
def taken():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        yield listening.getsockname()[1]


def daemon(port: int) -> Daemon:
    return Daemon("keystone", ("true",), "x", version=str, check=str, ports=(port,))


def test_a_taken_port_is_named_with_who_needs_it_who_has_it_and_what_to_do(lab, taken):
    (finding,) = preflight.ports(lab, [daemon(taken)], {})
    assert f"Port {taken} on 127.0.0.1, which keystone needs, is taken by" in finding
    assert f"process {os.getpid()}" in finding
    assert "LAB_ADDRESS=127.0.0.2" in finding


def test_a_port_that_the_labs_own_daemon_holds_is_not_taken(lab, taken):
    assert preflight.ports(lab, [daemon(taken)], {"keystone": {}}) == []


def test_a_port_taken_on_every_address_is_taken_on_loopback(lab):
    with socket.socket() as listening:
        listening.bind(("", 0))
        listening.listen(1)
        assert preflight.ports(lab, [daemon(listening.getsockname()[1])], {})


def test_a_port_is_free_once_its_owner_is_gone(taken):
    with socket.socket() as listening:
        listening.bind(("127.0.0.2", 0))
        port = listening.getsockname()[1]
    assert preflight.is_free("127.0.0.2", port)
    assert not preflight.is_free("127.0.0.1", taken)


def test_too_little_disk_says_how_much_there_is_and_how_much_it_takes(lab):
    (finding,) = preflight.capacity(lab, running=False, memory=64 * GIB, disk=7 * GIB)
    assert "needs 20 GiB of free disk" in finding
    assert "7.0 GiB" in finding


def test_too_little_memory_says_how_much_there_is_and_how_much_it_takes(lab):
    (finding,) = preflight.capacity(lab, running=False, memory=2 * GIB, disk=100 * GIB)
    assert "needs 8 GiB of available memory" in finding
    assert "2.0 GiB" in finding


def test_a_running_lab_is_not_asked_for_its_memory_again(lab):
    assert preflight.capacity(lab, running=True, memory=GIB, disk=100 * GIB) == []


def test_a_made_lab_needs_less_disk_than_a_fresh_one(lab):
    (lab.data / "ceph").mkdir()
    (lab.data / "ceph" / "mon.made").touch()
    assert preflight.capacity(lab, running=False, memory=64 * GIB, disk=7 * GIB) == []


def test_a_missing_package_is_named_with_what_it_is_for_and_how_to_get_it(lab, monkeypatch):
    monkeypatch.setattr(debian, "versions", lambda: dict.fromkeys(set(packages.PACKAGES) - {"slapd"}, "1"))
    findings = preflight.installed(lab)
    assert findings[0] == (
        "Missing from Debian: slapd (the company directory): run `/usr/bin/python3 -m lab install`."
    )
    assert "environment is missing or outdated" in findings[1]


def test_all_findings_come_at_once_and_nothing_is_started(lab, taken, monkeypatch):
    monkeypatch.setattr(debian, "versions", dict)
    monkeypatch.setattr(preflight, "free_memory", lambda: 0)
    with pytest.raises(LabError) as caught:
        preflight.check(lab, [daemon(taken)], {})
    text = str(caught.value)
    assert "slapd" in text
    assert "memory" in text
    assert f"Port {taken}" in text
    assert not list(Path(lab.data).iterdir())
