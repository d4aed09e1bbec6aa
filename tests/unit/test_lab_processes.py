"""Which processes are the lab's."""

import os
import subprocess
import time
from dataclasses import replace

import pytest

from lab import processes


@pytest.fixture
def session():
    """A session like supervisord's: a leader and a child."""
    leader = subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True)
    deadline = time.monotonic() + 5
    found = processes.identify(leader.pid)
    assert found
    while len(processes.members(found)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    yield found
    processes.end(found, 1)
    leader.wait()


def test_only_members_of_the_session_are_ended(session):
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        processes.end(session, 2)
        assert processes.members(session) == []
        assert other.poll() is None
        other.kill()


def test_children_are_found_after_their_leader_was_killed(session):
    os.kill(session.pid, 9)
    os.waitpid(session.pid, 0)
    assert len(processes.members(session)) == 1
    processes.end(session, 2)
    assert processes.members(session) == []


def test_a_process_that_got_the_same_number_later_is_not_ours(session):
    assert processes.members(replace(session, started=session.started - 10)) == []


def test_a_record_of_an_earlier_boot_does_not_count(session, tmp_path):
    path = tmp_path / "leader.json"
    processes.record(path, session)
    assert processes.recorded(path) == session
    processes.record(path, replace(session, boot="another"))
    assert processes.recorded(path) is None


def test_a_broken_record_does_not_count(tmp_path):
    path = tmp_path / "leader.json"
    path.write_text('{"pid": 1')
    assert processes.recorded(path) is None
    assert processes.recorded(tmp_path / "absent") is None
