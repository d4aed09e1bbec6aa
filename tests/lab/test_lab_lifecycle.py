"""The lab comes up, stays up, and is repaired."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import replace

import pytest

from lab import packages, processes
from lab.services.ceph_configuration import osd_folder
from lab.settings import OSD_BYTES, OSD_COUNT, Lab
from lab.supervisor import Supervisor
from tests.lab.running_lab import brought, command
from toolchain import receipt, venv

pytestmark = [pytest.mark.alone, pytest.mark.nightly]

CEPH = {"ceph-mon", "ceph-mgr", "ceph-osd.0", "ceph-osd.1", "ceph-osd.2"}
SERVICES = CEPH | {"mariadb", "memcached", "rabbitmq", "slapd", "keystone", "glance", "placement"}
SERVICES |= {"neutron", "neutron-rpc", "fake-neutron-agents"}
SERVICES |= {"nova", "nova-conductor", "nova-scheduler", "nova-compute"}
SERVICES |= {"cinder", "cinder-scheduler", "cinder-volume"}
MEMORY_LIMIT_MIB = 8 * 1024
DISK_LIMIT = 30 * 10**9  # README


def test_a_second_up_restarts_nothing(lab):
    before = {name: state["pid"] for name, state in Supervisor(lab).states().items()}
    brought(command("up"))
    assert {name: state["pid"] for name, state in Supervisor(lab).states().items()} == before


@pytest.mark.usefixtures("lab")
def test_status_shows_every_service_healthy_within_the_labs_memory():
    shown = brought(command("status")).stdout
    lines = shown.splitlines()
    assert lines[0].split() == ["service", "version", "address", "memory", "health"]
    rows = {line.split()[0]: line for line in lines[1:-1]}
    assert set(rows) >= SERVICES
    assert "HEALTH_OK" in rows["ceph-mon"]
    assert re.search(r"keystone\s+30\.0\.0\s+127\.\d+\.\d+\.\d+:5000", rows["keystone"])
    total = re.search(r"(\d+) of \1 healthy, (\d+) MiB", lines[-1])
    assert total
    assert 0 < int(total[2]) < MEMORY_LIMIT_MIB


def test_the_checkout_stays_below_30_gb_of_disk_even_when_the_osds_have_grown_as_far_as_they_can(lab):
    """After the other tests, which have kept what they keep: this file comes last in `make test`."""
    printed = subprocess.run(
        ["du", "--summarize", "--one-file-system", "--block-size=1", lab.root / ".cloud"],
        check=False,  # where a file goes away meanwhile, it says so and goes on
        capture_output=True,
        text=True,
    ).stdout
    taken = int(printed.split()[0])
    assert taken < DISK_LIMIT, "a lab that was made with larger OSDs: `python -m lab reset` makes it anew"
    osds = sum((osd_folder(lab, number) / "block").stat().st_blocks * 512 for number in range(OSD_COUNT))
    assert taken - osds + OSD_COUNT * OSD_BYTES < DISK_LIMIT


def test_nothing_of_the_lab_listens_beyond_loopback_and_its_simulated_hosts(lab):
    ours = set()
    for pid in processes.members(leader(lab)):
        try:
            links = [str(handle.readlink()) for handle in (processes.PROC / str(pid) / "fd").iterdir()]
        except FileNotFoundError:
            continue
        ours |= {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [line.split() for line in (processes.PROC / "net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in (processes.PROC / "net/tcp6").read_text().splitlines()[1:]]
    listening = {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in ours}
    assert socket.inet_aton(lab.address)[::-1].hex().upper() in listening
    allowed = {socket.inet_aton(each)[::-1].hex().upper() for each in (lab.address, lab.machine_address)}
    assert listening <= allowed


@pytest.mark.parametrize("name", ["slapd", "ceph-osd.2", "mariadb", "rabbitmq", "keystone", "nova-compute"])
def test_up_repairs_a_killed_daemon(lab, name):
    pid = Supervisor(lab).states()[name]["pid"]
    os.kill(pid, signal.SIGKILL)
    brought(command("up"))
    assert Supervisor(lab).states()[name]["pid"] != pid
    # Whatever lost the killed one finds it again by itself, some of it after `up` has looked.
    deadline = time.monotonic() + 90
    while (shown := command("status")).returncode and time.monotonic() < deadline:
        time.sleep(2)
    brought(shown)


def test_up_repairs_a_daemon_that_runs_and_does_not_answer(lab):
    pid = Supervisor(lab).states()["slapd"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    shown = command("status")
    assert shown.returncode == 1
    assert re.search(r"slapd .*unhealthy: no TLS handshake", shown.stdout)
    brought(command("up"))
    assert Supervisor(lab).states()["slapd"]["pid"] != pid


def test_up_repairs_a_lab_whose_supervisor_was_killed(lab):
    found = leader(lab)
    os.kill(found.pid, signal.SIGKILL)
    assert command("status").returncode == 1
    brought(command("up"))
    assert processes.members(found) == []
    brought(command("status"))


def test_up_repairs_a_lab_after_a_reboot(lab):
    found = leader(lab)
    for pid in processes.members(found):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    lab.home.unlink()
    brought(command("up"))
    brought(command("status"))


def test_down_ends_what_up_started_and_nothing_else(lab):
    found = leader(lab)
    with subprocess.Popen(["sleep", "600"], env={}) as bystander:
        try:
            brought(command("down"))
            assert processes.members(found) == []
            assert belonging(lab) == []
            assert not lab.home.is_symlink()
            assert bystander.poll() is None
        finally:
            bystander.kill()
    assert command("status").returncode == 1
    brought(command("up"))


def test_a_taken_port_is_named_before_anything_starts(lab, tmp_path, monkeypatch):
    """A second lab, of a checkout in a deep folder with a space, at an address of its own."""
    root = tmp_path / "a second checkout"
    for part in ("lab", "toolchain"):
        shutil.copytree(lab.root / part, root / part)
    monkeypatch.setenv("LAB_ADDRESS", "127.0.0.77")
    second = Lab(root=root, address="127.0.0.77")
    its_own = second.folder / "venv"
    its_own.mkdir(parents=True)
    for part in lab.venv.iterdir():
        (its_own / part.name).symlink_to(part)
    made = receipt.read(lab.venv / "receipt.json")
    assert made
    (its_own / "receipt.json").unlink()
    replace(made, key=venv.key(second.venv, [packages.REQUIREMENTS])).write(its_own / "receipt.json")
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((second.address, second.ports.keystone))
        listening.listen(1)
        done = command("up", root=root)
    second.home.unlink()
    assert done.returncode == 1
    assert "Port 5000 on 127.0.0.77, which keystone needs, is taken by" in done.stderr
    assert f"process {os.getpid()}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(second.folder.glob("run/*")), "something was started"


def belonging(lab: Lab) -> list[str]:
    """Processes that were started with the lab's paths, also those that left its session; no clients of it."""
    found = []
    for process in processes.PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            messages = [*(process / "environ").read_bytes().split(b"\0"), (process / "cmdline").read_bytes()]
            own = [
                words
                for words in messages
                if not words.startswith((b"CEPH_CONF=", b"OS_CLIENT_CONFIG_FILE="))
            ]
            if any(f"{lab.home}/".encode() in words for words in own):
                found.append((process / "comm").read_text().strip())
    return found


def leader(lab: Lab) -> processes.Leader:
    """The lab's supervisord."""
    found = processes.recorded(lab.run / "supervisord.json")
    assert found
    return found
