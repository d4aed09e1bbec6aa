"""A small Ceph beside the lab's, of its release, for a test or a bench: monitor, manager and OSDs on loopback, no authentication."""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lab import ceph_release, settings
from lab.configuration import ini
from lab.daemon import UnhealthyError
from lab.services.ceph_commands import connected
from lab.services.ceph_configuration import OSD_MEMORY
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

IN_MEMORY: Mapping[str, Mapping[str, object]] = {
    "mgr": {"mgr stats period": 1},
    "osd": {"osd objectstore": "memstore", "memstore device bytes": 4 << 30},
}
"""OSDs without disks, and a manager that hears of them every second instead of every five."""


def program(*command: str) -> tuple[str, ...]:
    """How a program of Ceph's daemons is run, as in the lab."""
    return ceph_release.program(settings.load(), *command)


def _conf(folder: Path, fsid: str, port: int, options: Mapping[str, Mapping[str, object]]) -> str:
    sections: dict[str, dict[str, object]] = {
        "global": {
            "fsid": fsid,
            "mon host": f"[v2:127.0.0.1:{port}]",
            "public addr": "127.0.0.1",
            "auth cluster required": "none",
            "auth service required": "none",
            "auth client required": "none",
            "run dir": folder,
            "log file": "",
            "log to stderr": True,
            "admin socket": folder / "$name.asok",
            "keyring": "/dev/null",
            "osd crush chooseleaf type": 0,
        },
        "mon": {
            "mon data": folder / "mon",
            "mon cluster log file": "/dev/null",
            "mon data avail warn": 1,
            "mon data avail crit": 0,
            "mon allow pool size one": True,
            "mon allow pool delete": True,
        },
        "mgr": {"mgr data": folder / "mgr"},
        "osd": {"osd data": folder / "osd.$id", "osd memory target": OSD_MEMORY},
        "client": {"admin socket": ""},
    }
    for section, more in options.items():
        sections[section] |= more
    return ini(sections)


@contextmanager
def own_ceph(
    folder: Path, *modules: str, options: Mapping[str, Mapping[str, object]] = IN_MEMORY
) -> Iterator[Path]:
    """The path of its ceph.conf, with these OPTIONS; the manager runs these modules. Both processes are gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fsid = str(uuid.uuid4())
    conf = folder / "ceph.conf"
    conf.write_text(_conf(folder, fsid, port, options), encoding="utf-8")
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
                    wait(lambda: _reached(conf))
                    _enable(conf, modules)
            with connected(conf) as ceph:
                wait(lambda: ceph.ask("mgr stat")["available"])
            yield conf
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in processes:
                process.wait(timeout=30)


class Osds:
    """OSDs of `own_ceph`; the processes of those that run are in `running`, by number."""

    def __init__(self, conf: Path) -> None:
        self.conf = conf
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def folder(self, number: int) -> Path:
        """Where an OSD keeps its data."""
        return self.conf.parent / f"osd.{number}"

    def add(self, number: int) -> None:
        """Make one and start it."""
        identity = str(uuid.uuid4())
        self.folder(number).mkdir()
        self.prepare(number)
        with connected(self.conf) as ceph:
            ceph.ask("osd new", uuid=identity, id=number)
        made = ["ceph-osd", "-c", str(self.conf), "-i", str(number), "--mkfs", "--no-mon-config"]
        made += ["--osd-uuid", identity, "--monmap", str(self.conf.with_name("monmap"))]
        subprocess.run(program(*made), check=True, capture_output=True)
        self.start(number)

    def prepare(self, number: int) -> None:
        """What an OSD needs in its folder before it is made: in memory, nothing."""

    def start(self, number: int) -> None:
        """Start one that was made, and wait until the monitor knows."""
        with self.conf.with_name(f"osd.{number}.log").open("a", encoding="utf-8") as log:
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
        with connected(self.conf) as ceph:
            wait(
                lambda: (
                    [row["up"] for row in ceph.ask("osd dump")["osds"] if row["osd"] == number] == [int(up)]
                )
            )

    def end(self) -> None:
        """Stop all at once."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(timeout=30)


@contextmanager
def with_osds(osds: Osds, count: int) -> Iterator[Osds]:
    """Runs so many; more may join."""
    try:
        for number in range(count):
            osds.add(number)
        yield osds
    finally:
        osds.end()


@contextmanager
def with_osd(conf: Path, pool: str) -> Iterator[None]:
    """Runs an OSD that keeps its data in memory, and makes a pool of one copy for RBD images."""
    with with_osds(Osds(conf), 1):
        make_pool(conf, pool, groups=1, size=1)
        yield


def make_pool(conf: Path, pool: str, *, groups: int, size: int) -> None:
    """Make a pool for RBD images, and wait until it takes writes."""
    with connected(conf) as ceph:
        ceph.ask("osd pool create", pool=pool, pg_num=groups, pgp_num=groups, size=size, autoscale_mode="off")
        ceph.ask("osd pool application enable", pool=pool, app="rbd")
        wait(lambda: _all_active(ceph.ask("status")["pgmap"]))


def _all_active(groups: dict[str, Any]) -> bool:
    states = groups.get("pgs_by_state", [])
    return bool(states) and all("active" in state["state_name"] for state in states)


def _reached(conf: Path) -> bool:
    """Whether its monitor answers."""
    with suppress(UnhealthyError), connected(conf):
        return True
    return False


def _enable(conf: Path, modules: tuple[str, ...]) -> None:
    """Have the manager load these when it starts; by then nobody knows which ones it has."""
    with connected(conf) as ceph:
        # Or it makes a pool of its own for disk health.
        name = "mgr/devicehealth/enable_monitoring"
        ceph.ask("config set", who="mgr", name=name, value="false", force=True)
        for module in modules:
            ceph.ask("mgr module enable", module=module, force="--force")


def wait(condition: Callable[[], object], seconds: float = 60) -> None:
    """Until CONDITION holds.

    Raises:
        LabError: it does not.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"a small Ceph did not come to what was waited for within {seconds:.0f} s")
        time.sleep(0.5)
