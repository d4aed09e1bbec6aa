"""A Ceph of a test's own: one monitor and one manager on loopback, no authentication; an OSD in memory if wanted."""

import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import rados

from clients import ceph
from clients.errors import CloudError

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
[mon]
mon data = {folder}/mon
mon cluster log file = /dev/null
mon data avail warn = 1
mon data avail crit = 0
mon allow pool size one = true
[mgr]
mgr data = {folder}/mgr
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 536870912
osd memory target = 939524096
osd crush chooseleaf type = 0
"""


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
        subprocess.run(command, check=True, capture_output=True)
    processes = []
    with (folder / "log").open("w", encoding="utf-8") as log:
        try:
            for program in ("ceph-mon", "ceph-mgr"):
                processes.append(
                    subprocess.Popen([program, "-f", "-c", str(conf), "-i", "a"], stdout=log, stderr=log)
                )
                if program == "ceph-mon":
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


@contextmanager
def with_osd(conf: Path, pool: str) -> Iterator[None]:
    """Runs an OSD that keeps its data in memory, and makes a pool of one copy for RBD images."""
    folder, identity = conf.parent, str(uuid.uuid4())
    (folder / "osd").mkdir()
    with ceph.cluster("admin", str(conf)) as handle:
        ceph.command(handle, "osd new", uuid=identity, id=0)
    command = ["ceph-osd", "-c", str(conf), "-i", "0"]
    made = [*command, "--mkfs", "--no-mon-config", "--osd-uuid", identity]
    made += ["--monmap", str(folder / "monmap")]
    subprocess.run(made, check=True, capture_output=True)
    with (folder / "osd.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([*command, "-f"], stdout=log, stderr=log)
        try:
            with ceph.cluster("admin", str(conf)) as handle:
                wait(lambda: ceph.command(handle, "osd stat")["num_up_osds"] == 1)
                ceph.command(handle, "osd pool create", pool=pool, pg_num=1, pgp_num=1, size=1)
                ceph.command(handle, "osd pool application enable", pool=pool, app="rbd")
                wait(lambda: "active" in str(ceph.command(handle, "status")["pgmap"].get("pgs_by_state", "")))
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def reached(conf: Path) -> bool:
    """Whether its monitor answers."""
    with suppress(CloudError, rados.Error), ceph.cluster("admin", str(conf)):
        return True
    return False


def enable(conf: Path, modules: tuple[str, ...]) -> None:
    """Have the manager load these when it starts; by then nobody knows which ones it has."""
    with ceph.cluster("admin", str(conf)) as handle:
        for module in modules:
            ceph.command(handle, "mgr module enable", module=module, force="--force")


def wait(condition, seconds: float = 60) -> None:
    """Until CONDITION holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)
