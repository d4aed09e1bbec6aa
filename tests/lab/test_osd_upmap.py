"""An OSD fills by strategy `upmap`: its whole weight first, with its PGs pinned where they are, and then one after another."""

from collections.abc import Iterator

import pytest

from bench.expansion.ways import settled
from clients import ceph
from clients.errors import CloudError
from dynamic_providers.osd_expansion import journal, runner
from dynamic_providers.osd_expansion.cluster import BALANCER, Cluster, connected
from dynamic_providers.osd_expansion.plan import plan
from dynamic_providers.osd_expansion.provider import DECLARED
from dynamic_providers.osd_expansion.work import look
from lab.own_ceph import Osds, make_pool, own_ceph, wait, with_osds
from tests.lab.osd_runs import POOL, cluster, declared, join, kill_when, settings, start, working

__all__ = ["cluster"]
pytestmark = pytest.mark.nightly
NEW = 3


@pytest.fixture
def osds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Osds]:
    """Three OSDs with data, and a fourth without weight."""
    with own_ceph(tmp_path_factory.mktemp("ceph")) as conf, with_osds(Osds(conf), 3) as found:
        make_pool(conf, POOL, groups=32, size=2)
        with connected("admin", str(conf)) as cluster:
            ceph.command(cluster.handle, "config set", who="osd", name="osd_crush_initial_weight", value="0")
            interval = "mgr/balancer/sleep_interval"  # it is on, and does nothing before the run
            ceph.command(cluster.handle, "config set", who="mgr", name=interval, value="3600")
            join(found, cluster, NEW)
        yield found


def pin_of_somebody(osds: Osds, cluster: Cluster) -> str:
    """Somebody else has an upmap in a PG that will move; its name."""
    todo, snapshot = look(cluster, declared(osds, fill=[NEW]), journal.read(cluster))
    move = plan(snapshot, {NEW: todo.tasks[0].target}).moves[0]
    (source,) = move.sources
    (stays,) = snapshot.up[move.group] - move.sources
    (other,) = {0, 1, 2} - {source, stays}
    cluster.set_upmaps({move.group: ((stays, other),)})
    wait(lambda: cluster.groups()[move.group].up == {source, other} and settled(cluster))
    return move.group


def new_has(cluster: Cluster) -> int:
    return sum(NEW in group.up for group in cluster.groups().values())


def pins(cluster: Cluster) -> int:
    return sum(given == NEW for pairs in cluster.upmaps().values() for given, _ in pairs)


def test_all_weight_comes_first_and_each_pg_moves_as_predicted_when_its_pin_goes(
    osds: Osds, cluster: Cluster
) -> None:
    with working(cluster):
        wait(lambda: settled(cluster))
        shared = pin_of_somebody(osds, cluster)
        given = declared(osds, fill=[NEW], strategy="upmap")
        before, upmaps = settings(cluster), cluster.upmaps()
        todo, snapshot = look(cluster, given, journal.read(cluster))
        target = todo.tasks[0].target
        predicted = plan(snapshot, {NEW: target})
        assert shared in {move.group for move in predicted.moves}
        cluster.store(DECLARED, given.model_dump_json(exclude={"plan", "user", "conf"}))
        kill_when(lambda cluster: pins(cluster) > 0, osds, cluster)
        kill_when(lambda cluster: cluster.weights()[NEW] == target and new_has(cluster) > 1, osds, cluster)
        assert pins(cluster) > 1
        assert cluster.option(BALANCER) == "false"
        assert new_has(cluster) + pins(cluster) == len(predicted.moves)
        left = runner.how_far(cluster, given, journal.read(cluster)).left
        assert left.startswith(f"osd.{NEW} fill: "), left
        run = start(osds)
        said = run.communicate(timeout=300)
        assert run.returncode == 0, said
        assert {name: group.acting for name, group in cluster.groups().items()} == predicted.after
    assert cluster.upmaps() == upmaps
    assert settings(cluster) == before
    entries = journal.read(cluster)
    assert (entries.options, entries.affinity, entries.pins) == ({}, {}, {})
    assert cluster.osds()[NEW].affinity == 1.0


def test_it_is_refused_where_clients_may_be_too_old(osds: Osds, cluster: Cluster) -> None:
    ceph.command(cluster.handle, "osd set-require-min-compat-client", version="jewel")
    with pytest.raises(CloudError, match=r"osd\.3 is left as it is: .*require_min_compat_client is jewel"):
        runner.run(cluster, declared(osds, fill=[NEW], strategy="upmap"))
    assert cluster.weights()[NEW] == 0
