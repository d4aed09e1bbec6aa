"""What `make repair` reads from Pulumi's words, from the state, and from the machine's processes."""

import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.repair.left_behind import end, orphans
from operations.repair.locked_stack import Lock, locks_in
from operations.repair.planned import pending_in, stack_urn

MESSAGE = """error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.
  file:///s/.pulumi/locks/organization/private-cloud/dev/dd2.json?no_tmp_dir=true: created by root@vm (pid 32169) at 2026-11-27T16:39:20Z
  s3://states/.pulumi/locks/organization/private-cloud/dev/ee3.json?endpoint=http://127.0.0.3:7480: created by runner@ci-7 (pid 8) at 2026-11-27T17:39:20+02:00
"""
LOCK = Lock("s3://x", "root", socket.gethostname(), 1, datetime.now(UTC))


def operation(kind: str, urn: str) -> dict[str, object]:
    return {"type": kind, "resource": {"urn": f"urn:pulumi:dev::private-cloud::{urn}"}}


def test_every_lock_that_pulumi_names_is_read_from_files_and_from_an_object_store() -> None:
    first, second = locks_in(MESSAGE)
    assert (first.user, first.host, first.pid) == ("root", "vm", 32169)
    assert str(second) == "runner on ci-7, process 8, since 2026-11-27 15:39:20 UTC"
    assert not second.is_ours
    assert not locks_in("error: no stack named 'dev' found")


def test_a_process_that_runs_since_before_the_lock_holds_it() -> None:
    assert LOCK.lives()


def test_a_number_that_went_to_another_process_since_holds_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        taken = replace(LOCK, pid=other.pid, since=datetime.now(UTC) - timedelta(hours=1))
        assert not taken.lives()
        assert replace(taken, since=datetime.now(UTC)).lives()
        other.kill()
    assert not replace(taken, since=datetime.now(UTC)).lives()


@pytest.mark.parametrize(
    ("kind", "urn", "message"),
    [
        (
            "creating",
            "private-cloud:network:ProviderNetwork$openstack:networking/network:Network::vms",
            "Network vms was being created: OpenStack may have it",
        ),
        (
            "creating",
            "private-cloud:image:GoldenImage$pulumi-python:dynamic/ceph:RbdImage::debian-12",
            "RbdImage debian-12 was being created: the next up finds by itself",
        ),
        ("deleting", "openstack:identity/project:Project::a@b", "Project a@b was deleting: a refresh asks"),
    ],
)
def test_each_pending_operation_is_told_with_what_becomes_of_it(kind: str, urn: str, message: str) -> None:
    (found,) = pending_in({"deployment": {"pending_operations": [operation(kind, urn)]}})
    assert str(found).startswith(message)
    assert found.of_openstack == ("OpenStack may have it" in message)


def test_a_state_that_holds_nothing_has_nothing_pending() -> None:
    assert pending_in({"deployment": {}}) == []
    assert stack_urn({"deployment": {"resources": None}}) is None


def test_only_a_plugin_of_this_folder_whose_engine_is_gone_is_an_orphan(tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with socket.socket() as engine, socket.socket() as gone:
        engine.bind(("127.0.0.1", 0))
        engine.listen()
        gone.bind(("127.0.0.1", 0))  # bound, and nobody listens
        starts = [(tmp_path, gone), (tmp_path, engine), (tmp_path / "elsewhere", gone)]
        plugins = [
            subprocess.Popen(
                [sys.executable, "-c", "input()", f"127.0.0.1:{port.getsockname()[1]}"],
                cwd=folder,
                stdin=subprocess.PIPE,
            )
            for folder, port in starts
        ]
        try:
            found = orphans(tmp_path)
            assert [orphan.pid for orphan in found] == [plugins[0].pid]
            assert end(found) == []
            assert [plugin.poll() is None for plugin in plugins] == [False, True, True]
        finally:
            for plugin in plugins:
                plugin.kill()
                plugin.wait()
                assert plugin.stdin
                plugin.stdin.close()
