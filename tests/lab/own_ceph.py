"""A Ceph of a test's own, of the lab's release: one monitor and one manager on loopback, no authentication; OSDs in memory if wanted."""

import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import rados

from clients import ceph
from clients.errors import CloudError
from lab import ceph_release, settings

CONF = """[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{port}]
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = {folder}
log file =
log to stderr = true
admin socket =
keyring = /dev/null
osd crush chooseleaf type = 0
[mon]
mon data = {folder}/mon
mon cluster log file = /dev/null
mon data avail warn = 1
mon data avail crit = 0
mon allow pool size one = true
[mgr]
mgr data = {folder}/mgr
mgr stats period = 1
[osd]
osd data = {folder}/osd.$id
osd objectstore = memstore
memstore device bytes = 4294967296
osd memory target = 939524096
"""


def program(*command: str) -> tuple[str, ...]:
    """How a program of Ceph's daemons is run, as in the lab."""
    return ceph_release.program(settings.load(), *command)


@contextmanager
def own_ceph(folder: Path, *modules: str) -> Iterator[Path]:
    """The path of its ceph.conf; the manager runs these modules. Both processes are gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fsid = str(uuid.uuid4())
    conf = folder / "ceph.conf"
    text = CONF.format(fsid=fsid, port=port, folder=folder)
    conf.write_text(text, encoding="utf-8")
    for name in ("mon", "mgr"):
        (folder / name).mkdir()
    monmap = folder / "monmap"
    made = ["monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{port}]", str(monmap)]
    first = ["ceph-mon", "--mkfs", "-c", str(conf), "-i", "a", "--monmap", str(monmap)]
    for command in (made, first):
        subprocess.run(program(*command), check=True, capture_output=True)
    processes = []
    with (folder / "log").open("w", encoding="utf-8") as log:
        try:
            for name in ("ceph-mon", "ceph-mgr"):
                daemon = program(name, "-f", "-c", str(conf), "-i", "a")
                processes.append(subprocess.Popen(daemon, stdout=log, stderr=log))
                if name == "ceph-mon":
                    wait(lambda: reached(conf))
                    enable(conf, modules)
            with ceph.cluster("admin", str(conf)) as handle:
                wait(lambda: ceph.command(handle, "mgr stat")["available"])
            yield conf
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in processes:
                process.wait(timeout=30)


class Osds:
    """OSDs of `own_ceph` that keep their data in memory; the numbers of those that run are in `running`."""

    def __init__(self, conf: Path) -> None:
        self.conf = conf
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def add(self, number: int) -> None:
        """Make one and start it."""
        folder, identity = self.conf.parent, str(uuid.uuid4())
        (folder / f"osd.{number}").mkdir()
        with ceph.cluster("admin", str(self.conf)) as handle:
            ceph.command(handle, "osd new", uuid=identity, id=number)
        made = ["ceph-osd", "-c", str(self.conf), "-i", str(number), "--mkfs", "--no-mon-config"]
        made += ["--osd-uuid", identity, "--monmap", str(folder / "monmap")]
        subprocess.run(program(*made), check=True, capture_output=True)
        self.start(number)

    def start(self, number: int) -> None:
        """Start one that was made, and wait until the monitor knows."""
        with (self.conf.parent / f"osd.{number}.log").open("a", encoding="utf-8") as log:
            self.running[number] = subprocess.Popen(
                program("ceph-osd", "-f", "-c", str(self.conf), "-i", str(number)), stdout=log, stderr=log
            )
        self.wait_until(number, up=True)

    def stop(self, number: int) -> None:
        """Stop one, and wait until the monitor knows; what memory held is in its folder."""
        process = self.running.pop(number)
        process.terminate()
        process.wait(timeout=30)
        self.wait_until(number, up=False)

    def wait_until(self, number: int, *, up: bool) -> None:
        """Until the monitor has it so."""
        with ceph.cluster("admin", str(self.conf)) as handle:
            wait(
                lambda: (
                    [row["up"] for row in ceph.command(handle, "osd dump")["osds"] if row["osd"] == number]
                    == [int(up)]
                )
            )

    def end(self) -> None:
        """Stop all at once."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(timeout=30)


@contextmanager
def with_osds(conf: Path, count: int) -> Iterator[Osds]:
    """Runs so many OSDs; more may join."""
    osds = Osds(conf)
    try:
        for number in range(count):
            osds.add(number)
        yield osds
    finally:
        osds.end()


@contextmanager
def with_osd(conf: Path, pool: str) -> Iterator[None]:
    """Runs an OSD that keeps its data in memory, and makes a pool of one copy for RBD images."""
    with with_osds(conf, 1):
        make_pool(conf, pool, groups=1, size=1)
        yield


def make_pool(conf: Path, pool: str, *, groups: int, size: int) -> None:
    """Make a pool for RBD images, and wait until it takes writes."""
    with ceph.cluster("admin", str(conf)) as handle:
        ceph.command(
            handle,
            "osd pool create",
            pool=pool,
            pg_num=groups,
            pgp_num=groups,
            size=size,
            autoscale_mode="off",
        )
        ceph.command(handle, "osd pool application enable", pool=pool, app="rbd")
        wait(lambda: _all_active(ceph.command(handle, "status")["pgmap"]))


def _all_active(groups: dict[str, Any]) -> bool:
    states = groups.get("pgs_by_state", [])
    return bool(states) and all("active" in state["state_name"] for state in states)


def reached(conf: Path) -> bool:
    """Whether its monitor answers."""
    with suppress(CloudError, rados.Error), ceph.cluster("admin", str(conf)):
        return True
    return False


def enable(conf: Path, modules: tuple[str, ...]) -> None:
    """Have the manager load these when it starts; by then nobody knows which ones it has."""
    with ceph.cluster("admin", str(conf)) as handle:
        # Or it makes a pool of its own for disk health.
        name = "mgr/devicehealth/enable_monitoring"
        ceph.command(handle, "config set", who="mgr", name=name, value="false", force=True)
        for module in modules:
            ceph.command(handle, "mgr module enable", module=module, force="--force")


def wait(condition, seconds: float = 60) -> None:
    """Until CONDITION holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)
