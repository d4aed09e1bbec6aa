"""A host's OSDs and its place in Ceph's orchestrator, against a fake of the commands of one cluster.

It answers as Ceph 16.2 did in the lab; tests/lab/test_ceph_host.py asks a real one.
"""

import errno
from collections.abc import Collection
from contextlib import contextmanager
from typing import Any

import pytest

from clients import ceph
from clients.ceph import CommandRefused
from clients.errors import CloudError
from dynamic_providers.kolla_deployment import ceph_host
from dynamic_providers.kolla_deployment.ceph_host import Clouds, Osd

CLOUDS = Clouds("admin", "hosts", "/etc/ceph/other.conf")
NO_CEPH = Clouds("admin")


class Cluster:
    """A cluster with two hosts of OSDs, and an orchestrator, or none."""

    def __init__(self) -> None:
        self.backend: dict[str, Any] | CommandRefused = {"available": True, "backend": "cephadm"}
        self.hosts: dict[str, dict[str, Any]] = {}
        self.pgs = {0: 12, 1: 0, 2: 0, 7: 3}
        self.unsafe: dict[int, int] = {0: errno.EBUSY}
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.refusing: dict[str, str] = {}

    def command(
        self, handle: object, prefix: str, *, none_for: Collection[int] = (), **arguments: Any
    ) -> Any:
        assert handle is self
        try:
            return self.answer(prefix, **arguments)
        except CommandRefused as refused:
            if refused.code in none_for:
                return None
            raise

    def answer(self, prefix: str, *, to: str = "monitor", **arguments: Any) -> Any:
        assert (to == "manager") == prefix.startswith(("orch", "osd df", "osd safe")), prefix
        if prefix in self.refusing:
            raise CommandRefused(f"`ceph {prefix}` failed: {self.refusing[prefix]}", errno.EINVAL)
        answering = getattr(self, prefix.replace(" ", "_").replace("-", "_"), None)
        if answering:
            return answering(**arguments)
        self.done.append((prefix, arguments))
        if prefix == "orch host rm":
            del self.hosts[arguments["hostname"]]
        return None

    def osd_tree(self) -> dict[str, Any]:
        return {
            "nodes": [
                {"id": -1, "name": "default", "type": "root", "children": [-2, -3]},
                {"id": -2, "name": "storage-1", "type": "host", "children": [1, 0]},
                {"id": -3, "name": "storage-11", "type": "host", "children": [7]},
                *({"id": id_, "name": f"osd.{id_}", "type": "osd"} for id_ in self.pgs),
            ]
        }

    def osd_metadata(self) -> list[dict[str, Any]]:
        return [{"id": 2, "hostname": "storage-1"}, {"id": 7, "hostname": "storage-11"}, {"id": 8}]

    def osd_df(self) -> dict[str, Any]:
        return {"nodes": [{"id": id_, "pgs": pgs} for id_, pgs in self.pgs.items()]}

    def osd_safe_to_destroy(self, ids: list[str]) -> dict[str, Any]:
        (id_,) = map(int, ids)
        if id_ in self.unsafe:
            raise CommandRefused("it is in use", self.unsafe[id_])
        return {"safe_to_destroy": [id_] if not self.pgs[id_] else [], "active": []}

    def orch_status(self) -> dict[str, Any]:
        if isinstance(self.backend, CommandRefused):
            raise self.backend
        return self.backend

    def orch_host_ls(self) -> list[dict[str, Any]]:
        return list(self.hosts.values())


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    fake = Cluster()

    @contextmanager
    def connect(user: str, conf: str | None) -> Any:
        assert (user, conf) == ("hosts", "/etc/ceph/other.conf")
        yield fake

    monkeypatch.setattr(ceph, "cluster", connect)
    monkeypatch.setattr(ceph, "command", fake.command)
    return fake


def test_the_osds_of_a_host_are_those_in_its_bucket_and_those_that_ran_there(cluster: Cluster) -> None:
    found = ceph_host.osds(CLOUDS, "storage-1")
    assert found == [Osd(0, 12, safe=False), Osd(1, 0, safe=True), Osd(2, 0, safe=True)]
    assert [osd.empty for osd in found] == [False, True, True]
    assert ceph_host.osds(CLOUDS, "storage-2") == []
    assert cluster.done == []


def test_an_osd_that_ceph_does_not_let_go_is_not_empty_though_it_holds_nothing(cluster: Cluster) -> None:
    cluster.unsafe = {1: errno.EAGAIN}
    assert [osd.empty for osd in ceph_host.osds(CLOUDS, "storage-1")] == [False, False, True]


def test_a_user_who_may_not_ask_is_a_sentence_and_no_empty_host(cluster: Cluster) -> None:
    cluster.unsafe = {0: errno.EACCES}
    with pytest.raises(CloudError, match="it is in use"):
        ceph_host.osds(CLOUDS, "storage-1")


def test_without_a_ceph_nothing_is_asked() -> None:
    assert ceph_host.osds(NO_CEPH, "storage-1") == []
    assert ceph_host.take_back("storage-1", NO_CEPH) is None
    assert "no Ceph is declared (kolla.ceph)" in ceph_host.hand_over("storage-1", "10.0.0.1", {}, NO_CEPH)


def test_a_storage_host_is_handed_over_with_its_labels_and_one_that_keeps_osds_off(cluster: Cluster) -> None:
    message = ceph_host.hand_over("storage-1", "10.0.0.1", {"rack": "r1", "height": "3"}, CLOUDS)
    assert cluster.done == [
        (
            "orch host add",
            {"hostname": "storage-1", "addr": "10.0.0.1", "labels": ["height=3,rack=r1,_no_schedule"]},
        )
    ]
    assert message == (
        "storage-1: handed to Ceph's orchestrator (cephadm), where label _no_schedule keeps OSDs off it"
    )


def test_a_host_that_is_there_keeps_its_labels_and_gets_what_it_lacks(cluster: Cluster) -> None:
    cluster.hosts["storage-1"] = {"hostname": "storage-1", "addr": "10.0.0.1", "labels": ["rack=r1", "mon"]}
    message = ceph_host.hand_over("storage-1", "10.0.0.1", {"rack": "r1"}, CLOUDS)
    assert message == "storage-1: Ceph's orchestrator (cephadm) has it already"
    assert cluster.done == []
    ceph_host.hand_over("storage-1", "10.0.0.2", {"row": "2"}, CLOUDS)
    assert cluster.done == [
        ("orch host set-addr", {"hostname": "storage-1", "addr": "10.0.0.2"}),
        ("orch host label add", {"hostname": "storage-1", "label": "row=2"}),
    ]


@pytest.mark.parametrize(
    "backend",
    [
        CommandRefused("No orchestrator configured", errno.ENOENT),
        CommandRefused("no valid command found", errno.EINVAL),
        {"available": False, "backend": "cephadm", "reason": "no key"},
    ],
)
def test_where_no_orchestrator_answers_the_host_stays_as_it_is(
    cluster: Cluster, backend: dict[str, Any] | CommandRefused
) -> None:
    cluster.backend = backend
    message = ceph_host.hand_over("storage-1", "10.0.0.1", {}, CLOUDS)
    assert message.startswith("storage-1: no orchestrator answers in Ceph")
    assert ceph_host.take_back("storage-1", CLOUDS) is None
    assert cluster.done == []


def test_a_user_who_may_not_ask_for_the_orchestrator_is_not_taken_for_none(cluster: Cluster) -> None:
    cluster.backend = CommandRefused("access denied", errno.EACCES)
    with pytest.raises(CloudError, match="access denied"):
        ceph_host.hand_over("storage-1", "10.0.0.1", {}, CLOUDS)


def test_a_host_that_the_orchestrator_does_not_take_is_a_sentence(cluster: Cluster) -> None:
    cluster.refusing = {"orch host add": "Failed to connect to storage-1"}
    with pytest.raises(
        CloudError,
        match=r"storage-1: Ceph's orchestrator \(cephadm\) does not take the host: .*Failed to connect",
    ):
        ceph_host.hand_over("storage-1", "10.0.0.1", {}, CLOUDS)


def test_a_host_without_osds_is_taken_back_and_one_that_is_not_there_is_no_matter(cluster: Cluster) -> None:
    cluster.hosts["storage-2"] = {"hostname": "storage-2", "addr": "10.0.0.2", "labels": []}
    assert ceph_host.take_back("storage-2", CLOUDS) is None
    assert cluster.done == [("orch host rm", {"hostname": "storage-2"})]
    assert ceph_host.take_back("storage-2", CLOUDS) is None
    assert len(cluster.done) == 1


def test_a_host_with_osds_stays_and_says_so_empty_or_not(cluster: Cluster) -> None:
    cluster.hosts["storage-1"] = {"hostname": "storage-1", "addr": "10.0.0.1", "labels": []}
    message = ceph_host.take_back("storage-1", CLOUDS)
    assert message is not None
    assert message.startswith(
        "storage-1 stays in Ceph's orchestrator, because it has osd.0, osd.1, osd.2; remove"
    )
    assert cluster.done == []


def test_what_the_orchestrator_says_against_it_is_told(cluster: Cluster) -> None:
    cluster.hosts["storage-2"] = {"hostname": "storage-2", "addr": "10.0.0.2", "labels": []}
    cluster.refusing = {"orch host rm": "storage-2 is offline"}
    message = ceph_host.take_back("storage-2", CLOUDS)
    assert (
        message == "storage-2 stays in Ceph's orchestrator: `ceph orch host rm` failed: storage-2 is offline"
    )
