"""OSDs fill and leave while a client writes, in a Ceph of this file's own; its caps are tried on the lab's, which has cephx."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import rados

from bench.expansion.ways import settled
from clients import ceph
from clients.errors import CloudError
from dynamic_providers.osd_expansion import journal, loop, runner
from dynamic_providers.osd_expansion.cluster import OBJECTS, PROFILE, SLEEP, Cluster, connected, rights
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from dynamic_providers.osd_expansion.plan import plan
from dynamic_providers.osd_expansion.provider import DECLARED
from dynamic_providers.osd_expansion.work import look
from lab.own_ceph import Osds, make_pool, own_ceph, wait, with_osds
from lab.settings import Lab
from tests.lab.osd_runs import (
    POOL,
    cluster,
    declared,
    join,
    kill_when,
    left_over,
    settings,
    short_windows,
    start,
    working,
)
from tests.lab.own_stack import STACK, own_stack

__all__ = ["cluster", "short_windows"]
pytestmark = pytest.mark.usefixtures("short_windows")


@pytest.fixture(scope="module")
def osds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Osds]:
    """Three OSDs with data; those that join later join without weight."""
    with own_ceph(tmp_path_factory.mktemp("ceph")) as conf, with_osds(Osds(conf), 3) as found:
        make_pool(conf, POOL, groups=16, size=2)
        with ceph.cluster("admin", str(conf)) as handle:
            ceph.command(handle, "config set", who="osd", name="osd_crush_initial_weight", value="0")
        yield found


def test_an_osd_fills_while_a_client_writes_as_was_predicted_pg_by_pg_and_leaves_nothing_behind(
    osds: Osds, cluster: Cluster
) -> None:
    join(osds, cluster, 3)
    assert cluster.weights()[3] == 0
    with working(cluster):
        wait(lambda: settled(cluster))
        before = settings(cluster)
        todo, snapshot = look(cluster, declared(osds, fill=[3]), journal.read(cluster))
        predicted = plan(snapshot, {3: todo.tasks[0].target})
        assert predicted.moves
        outcome = runner.run(cluster, declared(osds, fill=[3]))
        assert outcome == runner.Outcome()
        assert {name: group.acting for name, group in cluster.groups().items()} == predicted.after
    assert cluster.weights()[3] == cluster.weights()[0]
    assert cluster.osds()[3].affinity == 1.0
    assert settings(cluster) == before
    entries = journal.read(cluster)
    assert (entries.options, entries.affinity) == ({}, {})
    assert left_over(cluster) == []


@pytest.mark.nightly
def test_an_osd_is_emptied_and_purged_once_its_daemon_is_stopped(osds: Osds, cluster: Cluster) -> None:
    leaving = declared(osds, remove=[3])
    with working(cluster):
        outcome = runner.run(cluster, leaving)
        assert outcome.left.startswith("osd.3 holds nothing any more: stop its daemon")
        assert all(3 not in group.acting for group in cluster.groups().values())
        osds.stop(3)
        assert runner.run(cluster, leaving) == runner.Outcome()
    assert 3 not in cluster.osds()
    assert 3 in journal.read(cluster).purged


@pytest.mark.nightly
def test_what_would_leave_too_few_copies_is_refused_and_nothing_is_touched(
    osds: Osds, cluster: Cluster
) -> None:
    ceph.command(cluster.handle, "osd pool set", pool=POOL, var="size", val=str(len(osds.running)))
    wait(lambda: settled(cluster))
    weights = cluster.weights()
    with pytest.raises(CloudError, match=r"osd\.2 is left as it is: CRUSH would find too few OSDs"):
        runner.run(cluster, declared(osds, remove=[2]))
    assert cluster.weights() == weights
    assert journal.read(cluster).options == {}
    ceph.command(cluster.handle, "osd pool set", pool=POOL, var="size", val="2")
    wait(lambda: settled(cluster))


@pytest.mark.parametrize("flag", ["noout", pytest.param("norebalance", marks=pytest.mark.nightly)])
def test_a_flag_that_somebody_has_set_is_obeyed_and_kept(osds: Osds, cluster: Cluster, flag: str) -> None:
    join(osds, cluster, 4)
    ceph.command(cluster.handle, "osd set", key=flag)
    outcome = runner.run(cluster, declared(osds, fill=[4], time_budget_s=1))
    assert outcome.osds == {"osd.4": "fill: 0%, continues"}
    assert f"the flag {flag} is set" in outcome.left
    assert flag in ceph.command(cluster.handle, "osd dump")["flags"]
    assert cluster.weights()[4] == 0
    ceph.command(cluster.handle, "osd unset", key=flag)


def test_of_two_at_once_the_second_is_refused_until_the_first_has_ended(osds: Osds, cluster: Cluster) -> None:
    with (
        cluster.handle.open_ioctx(POOL) as ioctx,
        runner.alone(ioctx),
        pytest.raises(CloudError, match="another expansion runs"),
    ):
        runner.run(cluster, declared(osds, fill=[4]))


MOMENTS: dict[str, Callable[[Cluster], bool]] = {
    "options-set": lambda cluster: cluster.option(SLEEP) is not None,
    "no-primary": lambda cluster: cluster.osds()[4].affinity == 0,
    "first-weight": lambda cluster: cluster.weights()[4] > 0,
    "half-way": lambda cluster: cluster.weights()[4] > cluster.weights()[0] / 2,
    "primary-again": lambda cluster: 0 < cluster.osds()[4].affinity < 1,
}


@pytest.mark.nightly
def test_killed_again_and_again_it_goes_on_and_puts_back_what_it_found(osds: Osds, cluster: Cluster) -> None:
    """One OSD fills through all the kills; each run is a process, as under a timer."""
    join(osds, cluster, 4)
    ceph.command(cluster.handle, "config set", who="osd", name="osd_recovery_sleep", value="0.050000")
    before = settings(cluster)
    cluster.store(DECLARED, declared(osds, fill=[4]).model_dump_json(exclude={"plan", "user", "conf"}))
    with working(cluster):
        for reached in MOMENTS.values():
            kill_when(reached, osds, cluster)
        run = start(osds)
        said = run.communicate(timeout=300)
        assert run.returncode == 0, said
        wait(lambda: settled(cluster))
    assert settings(cluster) == before
    assert cluster.osds()[4].affinity == 1.0
    assert cluster.weights()[4] == cluster.weights()[0]
    assert left_over(cluster) == []
    ceph.command(cluster.handle, "config rm", who="osd", name="osd_recovery_sleep")


@pytest.mark.nightly
def test_an_osd_that_dies_at_half_weight_is_waited_for(osds: Osds, cluster: Cluster) -> None:
    join(osds, cluster, 5)
    with working(cluster):
        result: list[runner.Outcome] = []
        with connected("admin", str(osds.conf)) as other:
            run = threading.Thread(
                target=lambda: result.append(runner.run(other, declared(osds, fill=[5], time_budget_s=300)))
            )
            run.start()
            wait(lambda: cluster.weights()[5] > 0, 120)
            osds.stop(5)
            weight = cluster.weights()[5]
            time.sleep(5)
            assert cluster.weights()[5] == weight
            osds.start(5)
            run.join(timeout=300)
        assert result == [runner.Outcome()]


@pytest.mark.nightly
def test_a_monitor_that_does_not_answer_is_waited_for(
    osds: Osds, cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    join(osds, cluster, 7)
    told, result = [""], list[runner.Outcome]()

    def says(words: str) -> bool:
        told[0] += capfd.readouterr().err
        return words in told[0]

    with working(cluster), connected("admin", str(osds.conf)) as other:
        run = threading.Thread(target=lambda: result.append(runner.run(other, declared(osds, fill=[7]))))
        run.start()
        wait(lambda: cluster.weights()[7] > 0, 120)
        (monitor,) = (
            one
            for one in psutil.process_iter(["name", "cmdline"])
            if one.info["name"] == "ceph-mon" and str(osds.conf) in one.info["cmdline"]
        )
        monitor.suspend()
        try:
            wait(lambda: says("the Ceph monitor did not answer"))
        finally:
            monitor.resume()
        run.join(timeout=300)
    assert result == [runner.Outcome()]


@pytest.mark.nightly
def test_a_stack_shows_the_plan_goes_on_with_each_up_and_is_done_then(
    osds: Osds, cluster: Cluster, tmp_path: Path
) -> None:
    """A preview shows what moves, an up without time changes nothing, one with time ends it."""
    join(osds, cluster, 6)
    given = {"user": "admin", "conf": str(osds.conf), "probe_pool": POOL, "latency_ms": 3000}

    def config(**more: object) -> dict[str, Any]:
        return {"openstack": {"cloud": "lab-admin"}, "osd_expansion": given | more}

    with own_stack(tmp_path / "stack", config()) as stack:
        stack.preview_is_empty()
        stack.declare(config(fill=[6], time_budget_s=1))
        shown = stack.program.succeed("preview", "--diff", "--stack", STACK)
        assert re.search(r'osd\.6 *: "fill: \d+ of 16 PGs move', shown), shown
        ceph.command(cluster.handle, "osd set", key="noout")
        stack.up()
        assert stack.outputs["osd_expansion"]["left"].startswith("osd.6 fill: 0%, continues")
        ceph.command(cluster.handle, "osd unset", key="noout")
        assert stack.planned() == {("OsdExpansion", "osd-expansion"): {"update"}}
        stack.declare(config(fill=[6], time_budget_s=300))
        stack.up()
        assert stack.outputs["osd_expansion"]["left"] == ""
        stack.preview_is_empty("--refresh")
    assert cluster.weights()[6] == cluster.weights()[0]
    assert cluster.key(DECLARED) is None


FORBIDDEN: list[tuple[str, dict[str, Any]]] = [
    ("osd out", {"ids": ["0"]}),
    ("osd set", {"key": "noout"}),
    ("osd pool delete", {"pool": POOL, "pool2": POOL, "yes_i_really_really_mean_it": True}),
    ("osd crush remove", {"name": "osd.0"}),
    ("config set", {"who": "osd", "name": "osd_max_backfills", "value": "9"}),
    ("config set", {"who": "global", "name": "osd_recovery_sleep", "value": "9"}),
    ("config-key get", {"key": "private-cloud/ceph-users/x"}),
    ("config-key set", {"key": "mgr/x", "val": "y"}),
    ("auth get-or-create", {"entity": "client.more", "caps": ["mon", "allow *"]}),
]


def test_its_user_may_do_what_it_needs_and_nothing_else(lab: Lab, tmp_path: Path) -> None:
    """On the lab's own Ceph: nothing is changed there but a key, and options by the values that they have."""
    name = "osd-expansion-test"
    caps = [part for pair in rights(POOL).items() for part in pair]
    with ceph.cluster("admin", str(lab.ceph_conf)) as admin:
        user = ceph.command(admin, "auth get-or-create", entity=f"client.{name}", caps=caps)[0]
        try:
            conf, keyring = tmp_path / "ceph.conf", tmp_path / "keyring"
            keyring.write_text(f"[client.{name}]\n\tkey = {user['key']}\n", encoding="utf-8")
            text = lab.ceph_conf.read_text(encoding="utf-8")
            conf.write_text(f"{text}\n[client.{name}]\nkeyring = {keyring}\n", encoding="utf-8")
            with connected(name, str(conf)) as cluster:
                may(cluster)
                may_not(cluster)
        finally:
            ceph.command(admin, "auth rm", entity=f"client.{name}")


def may(cluster: Cluster) -> None:
    with cluster.handle.open_ioctx(POOL) as ioctx:
        assert runner.run(cluster, OsdExpansionArgs(user="u", probe_pool=POOL)) == runner.Outcome()
        with runner.alone(ioctx):
            own = journal.Journal(cluster)
            own.set_option(SLEEP, loop.SLEEPS[0])
            runner.pause_balancer(own)
            runner.prefer_clients(own)
            assert cluster.option(SLEEP) == loop.SLEEPS[0]
            assert cluster.option(PROFILE) == "high_client_ops"
            own.restore()
    assert cluster.option(SLEEP) is None
    assert cluster.option(PROFILE) is None
    assert cluster.room().max_avail["images"] > 0
    cluster.reweight(0, cluster.weights()[0])
    cluster.set_affinity(0, 1.0)
    cluster.set_upmaps(dict.fromkeys(list(cluster.groups())[:1], ()))
    assert not cluster.is_safe_to_destroy(0)
    with pytest.raises(ceph.CommandRefused) as refused:
        cluster.purge(0)
    assert "access" not in str(refused.value)
    cluster.forget(journal.KEY)


def may_not(cluster: Cluster) -> None:
    for prefix, arguments in FORBIDDEN:
        with pytest.raises(ceph.CommandRefused, match="access denied"):
            ceph.command(cluster.handle, prefix, **arguments)
    with cluster.handle.open_ioctx(POOL) as ioctx:
        with pytest.raises(rados.Error):
            ioctx.write_full("rbd_directory", b"mine")
        with pytest.raises(rados.Error):
            ioctx.read("rbd_info")
    with cluster.handle.open_ioctx("images") as ioctx, pytest.raises(rados.Error):
        ioctx.write_full(f"{OBJECTS}0", b"")
