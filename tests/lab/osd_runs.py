"""What tests of OSDs that fill and leave share: a client that knows what it wrote, runs as processes, what a run may set."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import rados

from clients import ceph
from clients.errors import CloudError
from dynamic_providers.osd_expansion import loop, runner
from dynamic_providers.osd_expansion.cluster import OBJECTS, Cluster, connected
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from lab.own_ceph import Osds, wait

POOL = "volumes"
OBJECTS_THERE = 64
SIZE = 64 * 1024
ROOT = Path(__file__).parents[2]


def declared(osds: Osds, **given: object) -> OsdExpansionArgs:
    """A bound that the machine's own noise does not reach: what a run does is looked at here, not how fast clients are."""
    return OsdExpansionArgs.model_validate(
        {
            "user": "admin",
            "conf": str(osds.conf),
            "probe_pool": POOL,
            "latency_ms": 3000,
            "time_budget_s": 300,
        }
        | given
    )


@pytest.fixture
def cluster(osds: Osds) -> Iterator[Cluster]:
    """A connection to the Ceph of the file's own fixture `osds`."""
    with connected("admin", str(osds.conf)) as found:
        yield found


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run looks at seconds only."""
    monkeypatch.setattr(runner, "BASELINE_S", 2.0)
    monkeypatch.setattr(loop, "WINDOW_S", 1.0)


class Client:
    """Writes to all its objects in turn, and knows what each should hold."""

    def __init__(self, ioctx: rados.Ioctx) -> None:
        self.ioctx = ioctx
        self.held: dict[str, bytes] = {}
        self.over = threading.Event()

    def write(self, number: int) -> None:
        name = f"data.{number % OBJECTS_THERE}"
        text = f"{name} {number} ".encode().ljust(SIZE, b".")
        self.ioctx.write_full(name, text)
        self.held[name] = text

    def run(self) -> None:
        number = OBJECTS_THERE
        while not self.over.wait(0.01):
            self.write(number)
            number += 1

    def wrong(self) -> list[str]:
        return [name for name, text in self.held.items() if self.ioctx.read(name, SIZE) != text]


@contextmanager
def working(cluster: Cluster) -> Iterator[Client]:
    """A client that writes; in the end its data is whole."""
    with cluster.handle.open_ioctx(POOL) as ioctx:
        client = Client(ioctx)
        for number in range(OBJECTS_THERE):
            client.write(number)
        thread = threading.Thread(target=client.run)
        thread.start()
        try:
            yield client
        finally:
            client.over.set()
            thread.join()
        assert client.wrong() == []


def settings(cluster: Cluster) -> tuple[object, ...]:
    """What an expansion may set, and what it leaves as it was."""
    config = ceph.command(cluster.handle, "config dump")
    flags = ceph.command(cluster.handle, "osd dump")["flags"]
    return ([(row["section"], row["name"], row["value"]) for row in config], flags)


def left_over(cluster: Cluster) -> list[str]:
    """What a run has left in the pool."""
    with cluster.handle.open_ioctx(POOL) as ioctx:
        return [found.key for found in ioctx.list_objects() if found.key.startswith(OBJECTS)]


def join(osds: Osds, cluster: Cluster, number: int) -> None:
    """An OSD joins, unless it has, and tells its size."""
    if number not in osds.running:
        osds.add(number)
    wait(lambda: cluster.snapshot().osds[number].capacity)


def start(osds: Osds) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dynamic_providers.osd_expansion", "run"]
    command += ["--user", "admin", "--conf", str(osds.conf)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def lock_is_free(cluster: Cluster) -> bool:
    with suppress(CloudError), cluster.handle.open_ioctx(POOL) as ioctx, runner.alone(ioctx):
        return True
    return False


def kill_when(reached: Callable[[Cluster], bool], osds: Osds, cluster: Cluster) -> None:
    """A run is killed at this moment; its lock ends by itself."""
    run = start(osds)
    wait(lambda: reached(cluster) or run.poll() is not None, 200)
    assert run.poll() is None, run.communicate()
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    wait(lambda: lock_is_free(cluster), 90)
