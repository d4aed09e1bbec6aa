"""A Kolla host's CRUD against a simulated host: real OpenSSH, Open vSwitch, Docker, wipefs and Ansible.

The disks are loop devices of the machine; what a real disk's failure looks like is not shown here.
"""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clients import host_keys, ssh
from clients.errors import CloudError
from dynamic_providers.kolla_host import inventory
from dynamic_providers.kolla_host.provider import KollaHostProvider
from lab.settings import Lab
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts
from tests.managed_hosts import inputs_of, reached

pytestmark = pytest.mark.xdist_group(name="hosts")

__all__ = ["simulated_hosts"]

ROOT = Path(__file__).parents[2]
LABEL_SIZE = 4096  # of BlueStore
crud: Any = KollaHostProvider()


@pytest.fixture
def host(simulated_hosts: list[SimulatedHost]) -> SimulatedHost:
    return simulated_hosts[1]


@pytest.fixture
def args(host: SimulatedHost, tmp_path: Path) -> dict[str, Any]:
    known_hosts = inventory.known_hosts_of(tmp_path / "inventory", host.name)
    return {
        **inputs_of(host.managed(known_hosts, ["compute", "storage"])),
        "host_key": host.host_key,
        "inventory": str(tmp_path / "inventory"),
        "inventory_vars": {"network_interface": "mgmt"},
        "kickstart": "reboot\n",
        "kickstart_file": str(tmp_path / "kickstarts" / f"{host.name}.ks"),
        "links": host.links,
        "vlans": [120.0, 130.0],
        "osd_disks": host.osd_disks,
    }


def inventory_file(args: dict[str, Any]) -> Path:
    return Path(args["inventory"], f"host-{args['ssh']['name']}.yml")


def test_a_fit_host_is_enrolled_refreshed_without_a_change_and_removed(args, host):
    state = crud.create(args).outs
    assert state["seen_host_key"] == " ".join(host.host_key.split()[:2])
    assert set(state["disks"]) == set(host.osd_disks)
    assert all(size > 0 for size in state["disks"].values())
    assert crud.read(host.name, state).outs == state
    assert not crud.diff(host.name, state, args).changes
    crud.delete(host.name, state)
    assert not [path for path in Path(args["inventory"]).rglob("*") if path.is_file()]


def test_ansible_reads_the_folder_and_gets_into_the_host(args, host):
    crud.create({key: value for key, value in args.items() if key != "host_key"})  # trusted on first use
    ansible = ROOT / ".cloud" / "kolla" / "bin" / "ansible"
    command = [ansible, "compute", "--inventory", args["inventory"], "--become", "--module-name", "ping"]
    done = subprocess.run(
        command,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert f"{host.name} | SUCCESS" in done.stdout, done.stdout + done.stderr
    assert "WARNING" not in done.stderr, done.stderr  # of a file that it could not read


def test_an_unreachable_host_is_told_with_its_kickstart(args):
    with pytest.raises(ssh.HostUnreachable, match=r"Connection refused.*install it from .*\.ks"):
        crud.create(reached(args, port=2299.0))
    assert Path(args["kickstart_file"]).exists()
    assert not inventory_file(args).exists()


def test_a_wrong_host_key_is_refused_with_both_fingerprints(args, host, simulated_hosts):
    other = simulated_hosts[2].host_key
    with pytest.raises(ssh.HostKeyMismatch) as caught:
        crud.create(args | {"host_key": other})
    for key in (other, host.host_key):
        assert host_keys.fingerprint(key) in str(caught.value)
    assert not inventory_file(args).exists()


def test_a_machine_that_answers_with_another_key_than_the_first_one_is_refused(args, simulated_hosts):
    del args["host_key"]
    state = crud.create(args).outs
    moved = reached(args, address=simulated_hosts[2].address)
    with pytest.raises(ssh.HostKeyMismatch, match=re.escape(host_keys.fingerprint(state["seen_host_key"]))):
        crud.update(args["ssh"]["name"], state, moved)


def test_a_key_that_the_host_does_not_know_is_refused_by_name(args, tmp_path):
    key_file = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key_file], check=True)
    with pytest.raises(ssh.LoginRefused, match=f"refuses user kolla with the key file {key_file}"):
        crud.create(reached(args, private_key_file=str(key_file)))


def test_a_connection_cut_half_way_is_told_and_the_rerun_goes_on(args, host):
    with relay(host, cut_after=6000) as port, pytest.raises(ssh.HostUnreachable, match="hung up half way"):
        crud.create(reached(args, address="127.0.0.1", port=port))
    assert not inventory_file(args).exists()
    state = crud.create(args).outs
    assert not crud.diff(host.name, crud.read(host.name, state).outs, args).changes


def test_a_host_without_python_is_told_so(args, host, tmp_path):
    host.run(tmp_path, "mv /usr/bin/python3 /usr/bin/python3.away")
    try:
        with pytest.raises(CloudError, match=f"{host.name} .* has no python3"):
            crud.create(args)
    finally:
        host.run(tmp_path, "mv /usr/bin/python3.away /usr/bin/python3")


def test_an_old_osd_on_a_disk_is_refused_by_its_number_and_cluster(args, host, lab: Lab, tmp_path):
    disk = host.osd_disks[1]
    with (lab.folder / "data" / "ceph" / "osd.0" / "block").open("rb") as block:  # a real OSD's
        label = block.read(LABEL_SIZE)
    fsid = subprocess.run(
        ["ceph", "--conf", lab.ceph_conf, "fsid"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert fsid
    host.run(tmp_path, f"base64 -d | dd of={disk} conv=fsync status=none", given=_base64(label))
    try:
        with pytest.raises(CloudError, match=rf"disk {disk} .*still carries osd\.0 .*Ceph cluster {fsid}"):
            crud.create(args)
        # Once it was clean, it may carry what Ceph puts on it.
        state = crud.create(args | {"osd_disks": host.osd_disks[:1]}).outs
        state["checked_disks"] = host.osd_disks
        assert crud.read(host.name, state | {"osd_disks": host.osd_disks}).outs["unmet"] == []
    finally:
        host.run(tmp_path, f"dd if=/dev/zero of={disk} bs={LABEL_SIZE} count=1 conv=fsync status=none")


def test_all_that_a_host_lacks_is_told_at_once(args, host):
    wrong = {"vlans": [120.0, 999.0], "container_engine": "podman", "osd_disks": ["/dev/disk/by-id/none"]}
    with pytest.raises(CloudError, match=f"host {host.name} is not fit, in 3 points") as caught:
        crud.create(args | wrong)
    for part in ("VLAN 999 is not on br-link", "no command podman", "/dev/disk/by-id/none cannot be read"):
        assert part in str(caught.value)
    with pytest.raises(CloudError, match="link eno9 is not in the bond of br-link"):
        crud.create(args | {"links": [host.links[0], "eno9"]})


def test_a_link_without_a_carrier_is_told_and_does_not_matter(args, host, tmp_path, capfd):
    host.run(tmp_path, f"ip link set {host.links[1]} down")
    try:
        crud.create(args)
    finally:
        host.run(tmp_path, f"ip link set {host.links[1]} up")
    assert f"{host.name}: link {host.links[1]} has no carrier" in capfd.readouterr().err


def test_a_machine_that_still_has_its_old_name_is_refused(args, host):
    with pytest.raises(CloudError, match=f"calls itself {host.name}, not lab-host-9"):
        crud.create(reached(args, name="lab-host-9"))


def test_an_enrolment_that_is_killed_is_finished_by_the_next_one(args, host):
    program = (
        "import json, sys; from dynamic_providers.kolla_host.provider import KollaHostProvider;"
        "KollaHostProvider().create(json.load(sys.stdin))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None
        run.stdin.write(json.dumps(args))
        run.stdin.close()
        pin = Path(args["ssh"]["known_hosts_file"])
        while not pin.exists():
            assert run.poll() is None
            time.sleep(0.01)
        run.kill()
    assert not inventory_file(args).exists()
    state = crud.create(args).outs
    assert not crud.diff(host.name, crud.read(host.name, state).outs, args).changes


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@contextmanager
def relay(host: SimulatedHost, cut_after: int) -> Iterator[int]:
    """A port of this machine that leads to the host's SSH server, until so many bytes were sent there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_relay, args=(server, host, cut_after), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def _relay(server: socket.socket, host: SimulatedHost, cut_after: int) -> None:
    near, _ = server.accept()
    far = socket.create_connection((host.address, host.port))
    back = threading.Thread(target=_copy, args=(far, near), daemon=True)
    back.start()
    _copy(near, far, cut_after)
    for side in (near, far):
        side.shutdown(socket.SHUT_RDWR)
        side.close()
    back.join(10)


def _copy(source: socket.socket, target: socket.socket, most: int | None = None) -> None:
    sent = 0
    try:
        while (most is None or sent < most) and (data := source.recv(512)):
            target.sendall(data)
            sent += len(data)
    except OSError:
        return  # the other direction was cut
