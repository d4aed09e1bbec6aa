"""Following a run of Ansible: what its events mean for each host, and that nothing of it outlives this program.

What the fake program stands for is run for real in tests/lab/test_kolla_deployment.py.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clients import ansible
from clients.ansible import Failure, RunResult
from clients.errors import CloudError
from clients.progress import TaskProgress

TASK = {"event": "task", "task": "nova-cell : Copying over nova.conf"}
BAD = {"event": "failed", "host": "two", "task": "ping", "message": "no pong"}


def end(*, whole=True, failed=(), unreachable=(), seen=("one", "two")):
    return {
        "event": "end",
        "whole": whole,
        "failed": list(failed),
        "unreachable": list(unreachable),
        "seen": list(seen),
    }


def result(tmp_path: Path, *events, code=2, printed="") -> RunResult:
    log = tmp_path / "run.log"
    log.write_text(printed)
    found = RunResult(log, code=code)
    for event in events:
        found.take(event)
    return found


def test_a_host_that_failed_has_its_task_and_message_and_the_others_are_done(tmp_path):
    found = result(tmp_path, TASK, BAD, end(failed=["two"]))
    assert found.failure("two") == Failure("ping", "no pong")
    assert found.failure("one") is None


def test_a_failure_that_a_rescue_mended_is_none(tmp_path):
    found = result(tmp_path, TASK, BAD, end(), code=0)
    assert found.failure("two") is None


def test_a_task_that_runs_once_for_all_fails_for_all(tmp_path):
    found = result(tmp_path, TASK, BAD, end(failed=["one", "two"]))
    assert found.failure("one") == Failure("ping", "no pong")


def test_a_host_is_not_done_where_ansible_gave_up_before_the_last_play(tmp_path):
    found = result(tmp_path, TASK, BAD, end(failed=["two"], whole=False))
    assert found.failure("one") == Failure(
        TASK["task"], "Ansible gave up for all hosts after two failed at 'ping'"
    )


def test_no_host_is_done_where_ansible_died_without_a_verdict(tmp_path):
    found = result(tmp_path, TASK, code=137, printed="PLAY\nKilled.\n")
    assert found.failure("one") == Failure(
        TASK["task"], "Ansible ended with exit code 137 before this host was done: Killed"
    )


def test_ansibles_own_error_is_told_rather_than_what_follows_it(tmp_path):
    found = result(
        tmp_path, code=1, printed="[ERROR]: the role 'x' was not found.\nOrigin: y\nplaybook exited 1\n"
    )
    assert "before this host was done: [ERROR]: the role 'x' was not found" in str(found.failure("one"))


def test_a_host_that_the_inventory_does_not_know_is_not_done(tmp_path):
    found = result(tmp_path, TASK, end(), code=0)
    assert "the inventory does not know it" in str(found.failure("three"))


def fake(folder: Path, text: str) -> str:
    program = folder / "fake-ansible"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return str(program)


def test_events_and_exit_code_of_the_program_are_the_result_and_its_output_is_in_the_log(tmp_path):
    lines = "\n".join(map(json.dumps, (TASK, BAD, end(failed=["two"]))))
    program = fake(tmp_path, f"cat > $PRIVATE_CLOUD_EVENTS <<'END'\n{lines}\nEND\necho said $1 $MORE\nexit 2")
    messages = []
    found = ansible.run(
        [program, "deploy"],
        environment={"MORE": "more"},
        log=tmp_path / "log" / "run.log",
        on_event=lambda so_far: messages.append(so_far.tasks),
    )
    assert (found.code, found.tasks, found.whole, set(found.failures)) == (2, 1, True, {"two"})
    assert messages == [1, 1, 1]
    assert found.log.read_text() == "said deploy more\n"
    assert list(found.log.parent.iterdir()) == [found.log]
    assert found.log.parent.stat().st_mode & 0o777 == 0o700


def test_a_program_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(CloudError, match="there is no program no-such-ansible: install Kolla-Ansible"):
        ansible.run(["no-such-ansible"], environment={}, log=tmp_path / "log", on_event=lambda _: None)


def test_when_this_program_is_killed_the_run_ends_and_keeps_the_lock_until_then(tmp_path):
    program = fake(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; sleep 60")
    code = (
        "import sys; from pathlib import Path; from clients import ansible; lock = open(sys.argv[2], 'w');"
        "import fcntl; fcntl.flock(lock, fcntl.LOCK_EX);"
        "ansible.run([sys.argv[1]], environment={}, log=Path(sys.argv[2] + '.log'), on_event=print,"
        " keep_open=[lock.fileno()])"
    )
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", code, program, str(lock)]) as ours:
        child = _text_of(tmp_path / "child")
        ours.send_signal(signal.SIGKILL)
    subprocess.run(["flock", "--timeout", "5", str(lock), "true"], check=True)
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)


def _text_of(path: Path) -> str:
    deadline = time.monotonic() + 5
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return path.read_text()


def test_progress_names_the_task_and_how_many_there_were(tmp_path, capsys):
    found = result(tmp_path, TASK, BAD)
    progress = TaskProgress("deploy on one, two")
    progress(found)
    progress(found)  # too early for a second line
    progress.end(found)
    first, last = capsys.readouterr().err.splitlines()
    assert first.endswith("s] deploy on one, two: nova-cell : Copying over nova.conf (1 tasks)")
    assert last.endswith("s] deploy on one, two: 1 tasks, exit code 2, failed on two")
