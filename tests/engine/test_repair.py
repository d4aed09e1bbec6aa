"""`make repair` after a real `pulumi up` was killed, with a FAKE OpenStack plugin and a state in files.

What the fake does not prove: that what OpenStack made is found again. tests/lab/test_killed_up.py shows that.
"""

import json
import os
import time
from pathlib import Path

import pytest

from operations.repair.left_behind import orphans
from tests.engine.held_up import held_up, one_network, program_with_fake
from tests.program_copy import ProgramCopy

STACK = "killed"


@pytest.fixture
def program(tmp_path: Path) -> ProgramCopy:
    return program_with_fake(tmp_path, {})


def state(program: ProgramCopy) -> dict[str, object]:
    exported = json.loads(program.succeed("stack", "export", "--stack", STACK))
    deployment: dict[str, object] = exported["deployment"]
    return deployment


def test_an_up_beside_another_is_refused_and_repair_does_not_touch_one_that_lives(
    program: ProgramCopy,
) -> None:
    program.stack(STACK, one_network())
    with held_up(program, STACK) as up:
        second = program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
        assert second.returncode != 0
        assert "the stack is currently locked by 1 lock(s)" in second.stdout
        assert f"(pid {up.process.pid})" in second.stdout
        done = program.repair(STACK)
        assert done.returncode == 1
        assert f"process {up.process.pid} still runs on this machine" in done.stdout
        up.let_go()
    program.succeed("preview", "--expect-no-changes", "--stack", STACK)


def test_after_a_killed_update_one_command_is_enough_and_does_no_harm_twice(
    program: ProgramCopy,
) -> None:
    program.stack(STACK, one_network())
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    program.file(STACK).write_text(one_network(description="another"), encoding="utf-8")
    with held_up(program, STACK) as up:
        up.kill()
        refused = program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
        assert "the stack is currently locked" in refused.stdout
        done = program.repair(STACK)
    assert done.returncode == 0, done.stdout
    assert f"process {up.process.pid}, since" in done.stdout
    assert "Network vms was updating: a refresh asks what it is now" in done.stdout
    assert not orphans(program.folder)
    assert "pending_operations" not in state(program)
    printed = program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    assert "pending operations" not in printed
    again = program.repair(STACK)
    assert again.returncode == 0
    assert "not locked, and nothing is pending" in again.stdout
    program.succeed("preview", "--expect-no-changes", "--stack", STACK)


def test_a_create_is_not_forgotten_before_the_cloud_was_asked_for_it(program: ProgramCopy) -> None:
    program.stack(STACK, one_network())
    with held_up(program, STACK) as up:
        up.kill()
        done = program.repair(STACK)
    assert done.returncode == 1
    assert "Network vms was being created: OpenStack may have it" in done.stdout
    assert "the cloud could not be searched" in done.stdout
    assert "pending_operations" in state(program)


def test_notes_that_a_kill_left_empty_beside_the_state_are_removed(program: ProgramCopy) -> None:
    program.stack(STACK, one_network())
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    state_file = program.folder.parent / "state" / ".pulumi" / "stacks" / "private-cloud" / f"{STACK}.json"
    notes = state_file.with_name(f"{STACK}.json.attrs")
    notes.write_bytes(b"")
    assert "EOF" in program.pulumi("stack", "export", "--stack", STACK).stdout
    soon = time.time() + 600  # however long it takes to get there
    os.utime(notes, (soon, soon))
    assert program.repair(STACK).returncode == 1, "a Pulumi that lives may be writing them at this moment"
    assert notes.exists()
    os.utime(notes, (0, 0))
    done = program.repair(STACK)
    assert "left it empty: removed" in done.stdout
    assert done.returncode == 0, done.stdout
    program.succeed("preview", "--expect-no-changes", "--stack", STACK)


def test_a_lock_of_another_machine_needs_a_persons_word(program: ProgramCopy) -> None:
    program.stack(STACK, one_network())
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    folder = program.folder.parent / "state" / ".pulumi" / "locks" / "organization" / "private-cloud" / STACK
    folder.mkdir(parents=True, exist_ok=True)
    lock = {
        "pid": os.getpid(),
        "username": "runner",
        "hostname": "ci-7",
        "timestamp": "2026-11-27T16:39:20.7+01:00",
    }
    (folder / "6d1f.json").write_text(json.dumps(lock), encoding="utf-8")
    done = program.repair(STACK)
    assert done.returncode == 1
    assert "locked by runner on ci-7, process" in done.stdout
    assert "since 2026-11-27 15:39:20 UTC" in done.stdout
    assert f"`make repair STACK={STACK} FORCE=1`" in done.stdout
    assert program.repair(STACK, "--force").returncode == 0
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)


def test_a_stack_that_is_not_there_gets_a_sentence(program: ProgramCopy) -> None:
    done = program.repair("nowhere")
    assert done.returncode == 1
    assert "the state of stack 'nowhere' cannot be read: " in done.stdout
    assert "Traceback" not in done.stdout
