"""Simulated hosts, in a lab of their own that runs nothing else: those of the shared lab are for other tests."""

import contextlib
import io
import itertools
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.hosts import control_groups, count, daemon, fabric, plan, record, removal, root
from lab.hosts.host import LINKS, SimulatedHost
from lab.settings import Lab
from lab.steps import Clock, Step, run
from lab.supervisor import Supervisor

pytestmark = [pytest.mark.xdist_group(name="hosts"), pytest.mark.nightly]

BOOT_SECONDS = 60
KNOWN_TO_DOCKER = (1 << 38) - 1  # Debian 12's: up to CAP_AUDIT_READ
BUSYBOX = Path("/bin/busybox")  # busybox-static, one of the lab's packages


def up(own: Lab, number: int) -> None:
    """Bring up so many hosts, and only them."""
    count.record(own, number)
    supervisor = Supervisor(own)
    first = Step("supervisor", lambda: supervisor.start(plan.daemons(own)))
    run([first, *plan.steps(own, supervisor)], Clock())


def down(own: Lab) -> None:
    """Stop them, as `python -m lab down` does."""
    Supervisor(own).shut_down()
    removal.remove(own)


@pytest.fixture(scope="module")
def own(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with two hosts and no services; it shares the root and the programs of the checkout's lab."""
    made = Lab(root=tmp_path_factory.mktemp("hosts"), address="127.0.0.78")
    made.link()
    root.ensure(lab)
    root.folder(made).symlink_to(root.folder(lab))
    made.venv.symlink_to(lab.venv)
    try:
        up(made, 2)
        yield made
    finally:
        down(made)
        made.home.unlink()


@pytest.fixture
def host(own: Lab) -> SimulatedHost:
    """Its first host, up."""
    first = plan.hosts(own)[0]
    soon(lambda: daemon.check(first))
    return first


def soon(ask: Callable[[], object]) -> None:
    """Wait until something asked for does not fail any more."""
    deadline = time.monotonic() + BOOT_SECONDS
    while True:
        try:
            ask()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def output_of(host: SimulatedHost, command: str) -> str:
    """Return what a shell command prints on the host."""
    done = daemon.ssh(host, command, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def boot(host: SimulatedHost) -> str:
    """Tell one boot of the host from another."""
    return output_of(host, "cat /proc/sys/kernel/random/boot_id")


def test_a_host_runs_a_whole_systemd_of_its_own(host):
    assert output_of(host, "ps -p 1 -o comm=") == "systemd"
    assert output_of(host, "systemctl is-system-running") == "running"
    assert output_of(host, "uname -n") == host.name
    units = "docker containerd ssh dbus ovs-vswitchd host-network"
    assert set(output_of(host, f"systemctl is-active {units}").split()) == {"active"}
    assert output_of(host, "sudo docker info --format '{{.CgroupVersion}} {{.Driver}}'") == "2 overlay2"


def test_programs_are_told_what_they_need_to_log_in(own, host, tmp_path):
    row = json.loads(record.path(own).read_text())[0]
    known = tmp_path / "known_hosts"
    known.write_text(f"{row['address']} {row['host_key']}\n")
    words = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    words += ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known}"]
    words += ["-i", row["private_key_file"], "-p", str(row["port"]), f"{row['user']}@{row['address']}"]
    disks = " ".join([*row["osd_disks"], row["install_disk"]])
    question = f"sudo -n id -u; ls /sys/class/net; sudo blockdev --getsize64 {disks}"
    done = subprocess.run([*words, question], capture_output=True, text=True, check=True, timeout=30)
    number, *rest = done.stdout.split()
    assert number == "0"
    assert set(row["links"]) <= set(rest)
    assert [int(size) for size in rest[-3:]] == list(host.disks.values())


def test_a_host_keeps_answering_while_either_of_its_links_is_cut(own, host):
    for link in LINKS:
        ip = ["ip", "-netns", fabric.namespace(own), "link", "set", host.switch_port(link)]
        subprocess.run([*ip, "down"], check=True)
        try:
            soon(lambda: bonded(host, *(other for other in LINKS if other != link)))  # noqa: B023 - asked at once
        finally:
            subprocess.run([*ip, "up"], check=True)
        soon(lambda: bonded(host, *LINKS))


def bonded(host: SimulatedHost, *links: str) -> None:
    """Hold the host's bond to using these links and no other."""
    shown = output_of(host, "sudo ovs-appctl bond/show bond0")
    assert {link for link in LINKS if f"member {link}: enabled" in shown} == set(links)


def test_no_vlan_passes_the_switches_that_the_hosts_do_not_have(own):
    ports = "ovs-vsctl", f"--db=unix:{fabric.folder(own)}/db.sock", "--format=json", "--columns=name,trunks"
    shown = subprocess.run([*ports, "list", "Port"], capture_output=True, text=True, check=True).stdout
    trunks = {name: value for name, value in json.loads(shown)["data"] if name.startswith("h")}
    assert len(trunks) == len(plan.hosts(own)) * len(LINKS)
    assert all(sorted(value[1]) == [110, 120, 130] for value in trunks.values())


def test_a_privileged_container_starts_with_limits_above_this_machines(host):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
    rootfs = host.folder / "docker" / "busybox.tar"
    rootfs.write_bytes(archive.getvalue())
    output_of(host, "sudo docker import /var/lib/docker/busybox.tar trial:1")
    ulimit = "--ulimit nofile=1048576:1048576 --ulimit memlock=-1:-1"
    started = f"sudo docker run --rm --privileged --network host {ulimit} -v /run:/run:shared trial:1"
    capabilities = int(
        output_of(host, f"{started} /bin/busybox grep CapEff /proc/self/status").split()[1], 16
    )
    plain = output_of(
        host, "sudo docker run --rm --network host trial:1 /bin/busybox grep CapEff /proc/self/status"
    )
    hosts_own = int(output_of(host, "sudo grep CapBnd /proc/self/status").split()[1], 16)
    assert capabilities == hosts_own & KNOWN_TO_DOCKER
    assert int(plain.split()[1], 16) < capabilities


def test_a_rebooted_host_comes_back_with_what_it_wrote(host):
    before = boot(host)
    output_of(host, "echo kept | sudo tee /var/lib/kept /etc/kept >/dev/null")
    daemon.ssh(host, "sudo systemctl reboot")
    soon(lambda: differs(boot(host), before))
    soon(lambda: daemon.check(host))
    assert output_of(host, "cat /var/lib/kept /etc/kept").split() == ["kept", "kept"]


def differs(one: str, other: str) -> None:
    """Hold two values to being different."""
    assert one != other


def test_a_killed_host_comes_back(own, host):
    before = boot(host)
    os.kill(Supervisor(own).states()[host.name]["pid"], signal.SIGKILL)
    soon(lambda: differs(boot(host), before))
    soon(lambda: daemon.check(host))
    assert programs(host).count("dockerd") == 1, "what was killed is still there"


def programs(host: SimulatedHost) -> list[str]:
    """Name the programs that run on the host, as this machine sees them."""
    found = []
    for pid in control_groups.processes(host.cgroup):
        with contextlib.suppress(OSError):  # one that has ended since
            found.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return found


def test_another_up_restarts_no_host(own, host):
    before = boot(host)
    up(own, 2)
    assert boot(host) == before


def test_a_reinstalled_host_has_nothing_of_what_it_had_but_its_key(own, host):
    disk = f"/dev/disk/by-id/{host.osd_disks[0]}"
    output_of(host, f"sudo touch /etc/trace; sudo mkfs.ext4 -q {disk}; sudo docker volume create trace")
    assert "ext4" in output_of(host, f"sudo wipefs {disk}")
    plan.reinstall(own, Supervisor(own), host.name)
    found = output_of(host, f"ls /etc/trace 2>/dev/null; sudo wipefs {disk}; sudo docker volume ls --quiet")
    assert found == ""


def test_neither_the_machines_clock_nor_its_settings_can_be_changed_from_a_host(host):
    assert daemon.ssh(host, "sudo date --set @0").returncode != 0
    assert daemon.ssh(host, "sudo sysctl -w vm.swappiness=1").returncode != 0
    assert output_of(host, "sudo sysctl -n -w net.ipv4.ip_forward=1") == "1"


def test_a_host_that_is_not_asked_for_any_more_is_gone_with_all_it_had(own):
    second = plan.hosts(own)[1]
    up(own, 1)
    assert second.name not in Supervisor(own).states()
    assert second.namespace not in fabric.namespaces()
    assert not second.folder.exists()
    assert control_groups.named(second.cgroup) == []
    assert [row["name"] for row in json.loads(record.path(own).read_text())] == ["lab-host-1"]


def test_down_leaves_no_process_link_mount_or_device(own, host):
    daemon.check(host)
    down(own)
    assert not [name for name in fabric.namespaces() if own.digest in name]
    assert fabric.machine_link(own) not in fabric.interfaces(None)
    assert removal.loop_devices(own.folder) == []
    assert control_groups.named(f"lab-{own.digest}") == []
    mounts = itertools.chain.from_iterable(each.read_text().splitlines() for each in mountinfos())
    assert not [line for line in mounts if own.digest in line or str(own.folder) in line]


def mountinfos() -> list[Path]:
    """The mounts of every process, so of every mount namespace that still exists."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found[(process / "ns" / "mnt").readlink()] = process / "mountinfo"
        except OSError:
            continue
    return [path for path in found.values() if path.exists()]
