"""What happens to a cluster while an OSD fills: the run waits, goes on, and leaves all as it was; clients' data is whole."""

import itertools
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from bench.expansion.ways import settled
from clients import ceph
from dynamic_providers.osd_expansion import loop, runner
from dynamic_providers.osd_expansion.cluster import Cluster, connected
from dynamic_providers.osd_expansion.probe import Latency, probing
from lab.own_ceph import Osds, make_pool, own_ceph, program, wait, with_osds
from tests.lab.osd_runs import POOL, cluster, declared, join, settings, short_windows, working

__all__ = ["cluster", "short_windows"]
pytestmark = [pytest.mark.nightly, pytest.mark.usefixtures("short_windows")]
NEW = 3
Says = Callable[[str], None]


@pytest.fixture(scope="module")
def osds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Osds]:
    """Three OSDs with data, and a fourth without weight."""
    with own_ceph(tmp_path_factory.mktemp("ceph")) as conf, with_osds(Osds(conf), 3) as found:
        make_pool(conf, POOL, groups=16, size=2)
        with connected("admin", str(conf)) as cluster:
            ceph.command(cluster.handle, "config set", who="osd", name="osd_crush_initial_weight", value="0")
            join(found, cluster, NEW)
        yield found


@pytest.fixture(scope="module")
def daemons(osds: Osds) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Those that a test starts anew; they end after the OSDs of this file have been used."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    osds.end()
    for daemon in started:
        daemon.terminate()
        daemon.wait(timeout=30)


@pytest.fixture
def says(capfd: pytest.CaptureFixture[str]) -> Says:
    """Waits until the run says these words."""
    told = [""]

    def heard(words: str) -> bool:
        told[0] += capfd.readouterr().err
        return words in told[0]

    return lambda words: wait(lambda: heard(words), 120)


@contextmanager
def filling(osds: Osds, cluster: Cluster, **given: object) -> Iterator[None]:
    """Within, the new OSD has begun to fill; afterwards it has, and all is as it was."""
    cluster.reweight(NEW, 0)
    wait(lambda: settled(cluster), 200)
    before, result = settings(cluster), list[runner.Outcome]()
    with working(cluster), connected("admin", str(osds.conf)) as other:
        run = threading.Thread(
            target=lambda: result.append(runner.run(other, declared(osds, fill=[NEW], **given)))
        )
        run.start()
        try:
            wait(lambda: cluster.weights()[NEW] > 0, 120)
            yield
        finally:
            run.join(timeout=400)
        assert result == [runner.Outcome()]
        assert cluster.osds()[NEW].affinity == 1.0
        assert cluster.weights()[NEW] == cluster.weights()[0]
        assert settings(cluster) == before


def test_near_full_is_waited_for(osds: Osds, cluster: Cluster, says: Says) -> None:
    with filling(osds, cluster):
        ceph.command(cluster.handle, "osd set-nearfull-ratio", ratio=0.0001)
        try:
            says("nearfull")
        finally:
            ceph.command(cluster.handle, "osd set-nearfull-ratio", ratio=0.85)


def test_a_flag_set_in_the_middle_is_waited_for(osds: Osds, cluster: Cluster, says: Says) -> None:
    with filling(osds, cluster):
        ceph.command(cluster.handle, "osd set", key="norebalance")
        try:
            says("the flag norebalance is set")
        finally:
            ceph.command(cluster.handle, "osd unset", key="norebalance")


def test_another_osd_that_dies_is_waited_for(osds: Osds, cluster: Cluster, says: Says) -> None:
    with filling(osds, cluster):
        osds.stop(1)
        try:
            says("1 osds down")
        finally:
            osds.start(1)


@pytest.mark.parametrize("name", ["ceph-mgr", "ceph-mon"])
def test_a_killed_daemon_is_waited_for(
    osds: Osds, cluster: Cluster, daemons: list[subprocess.Popen[bytes]], name: str
) -> None:
    with filling(osds, cluster):
        (daemon,) = (
            one
            for one in psutil.process_iter(["name", "cmdline"])
            if one.info["name"] == name and str(osds.conf) in one.info["cmdline"]
        )
        daemon.kill()
        daemon.wait()
        with (osds.conf.parent / f"{name}.log").open("w", encoding="utf-8") as log:
            daemons.append(subprocess.Popen(program(*daemon.info["cmdline"]), stdout=log, stderr=log))


def test_pgs_that_are_split_in_the_middle_are_filled_too(osds: Osds, cluster: Cluster) -> None:
    """As the autoscaler does it, in its time."""
    with filling(osds, cluster):
        ceph.command(cluster.handle, "osd pool set", pool=POOL, var="pg_num", val="32")
    wait(lambda: len(cluster.groups()) == 32 and settled(cluster), 200)


def test_a_pool_that_loses_room_is_waited_for(osds: Osds, cluster: Cluster, says: Says) -> None:
    with filling(osds, cluster):
        ceph.command(cluster.handle, "osd pool set", pool=POOL, var="size", val="3")
        try:
            says(f"MAX AVAIL of pool {POOL} fell")
        finally:
            ceph.command(cluster.handle, "osd pool set", pool=POOL, var="size", val="2")


def test_while_clients_wait_too_long_nothing_more_is_begun(osds: Osds, cluster: Cluster, says: Says) -> None:
    over = threading.Event()

    def load(number: int) -> None:
        with cluster.handle.open_ioctx(POOL) as ioctx:
            while not over.is_set():
                ioctx.write_full(f"load.{number}", bytes(4 << 20))

    threads = [threading.Thread(target=load, args=(number,)) for number in range(12)]
    with filling(osds, cluster, latency_ms=150):
        for thread in threads:
            thread.start()
        try:
            says("waiting: clients' p99")
        finally:
            over.set()
            for thread in threads:
                thread.join()


@contextmanager
def writing(osds: Osds, per_second: int) -> Iterator[None]:
    """So many writes of 64 KiB a second, whether or not former ones have ended."""
    over = threading.Event()

    def load() -> None:
        begun = time.monotonic()
        for number in itertools.count():
            if over.wait(max(0.0, begun + number / per_second - time.monotonic())):
                return
            ioctx.aio_write_full(f"load.{number % 64}", bytes(64 << 10))

    with ceph.cluster("admin", str(osds.conf)) as handle, handle.open_ioctx(POOL) as ioctx:
        thread = threading.Thread(target=load)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            ioctx.aio_flush()


def test_while_the_load_is_tripled_latency_is_in_the_bound_again_within_ten_seconds(
    osds: Osds, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is one that tripled load alone keeps; the loop looks once a tick at the writes of one window."""
    with writing(osds, 60), cluster.pool(POOL) as ioctx, probing(ioctx) as probe:
        time.sleep(runner.BASELINE_S)
        alone = probe.window(runner.BASELINE_S)
    looks: list[bool] = []
    exceeded = loop.Pace.is_exceeded

    def looked(pace: loop.Pace, now: Latency) -> bool:
        looks.append(exceeded(pace, now))
        return looks[-1]

    monkeypatch.setattr(loop.Pace, "is_exceeded", looked)
    with (
        writing(osds, 20),
        filling(osds, cluster, latency_ms=max(100, round(3 * alone.p99 * 1000))),
        writing(osds, 40),
    ):
        before = len(looks)
        wait(lambda: cluster.weights()[NEW] == cluster.weights()[0], 400)
    assert looks[before:]
    in_a_row = [len(list(own)) for late, own in itertools.groupby(looks[before:]) if late]
    assert max(in_a_row, default=0) * loop.TICK_S <= 10 + loop.WINDOW_S
