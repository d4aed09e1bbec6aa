"""Steps with dependencies."""

import threading
from pathlib import Path

import pytest

from lab import commands, steps
from lab.settings import LabError
from lab.steps import Clock, Step, StepError


def test_a_step_runs_after_all_it_needs():
    order: list[str] = []
    plan = [
        Step("c", lambda: order.append("c"), ("a", "b")),
        Step("b", lambda: order.append("b"), ("a",)),
        Step("a", lambda: order.append("a")),
    ]
    steps.run(plan, Clock())
    assert order == ["a", "b", "c"]


def test_steps_that_need_nothing_of_each_other_run_side_by_side():
    meeting = threading.Barrier(2, timeout=5)
    steps.run([Step("a", meeting.wait), Step("b", meeting.wait)], Clock())


def test_a_failure_names_its_step_and_nothing_that_needs_it_runs():
    ran: list[str] = []

    def fail() -> None:
        raise LabError("port 1 is taken")

    plan = [Step("keystone", fail), Step("accounts", lambda: ran.append("accounts"), ("keystone",))]
    with pytest.raises(StepError, match=r"^keystone: port 1 is taken$"):
        steps.run(plan, Clock())
    assert ran == []


def test_an_error_nobody_worded_is_shown_with_its_type():
    with pytest.raises(StepError, match=r"^a: ZeroDivisionError: "):
        steps.run([Step("a", lambda: 1 / 0)], Clock())


def test_steps_that_wait_for_each_other_are_named():
    plan = [Step("a", str, ("b",)), Step("b", str, ("a",))]
    with pytest.raises(StepError, match="a, b"):
        steps.run(plan, Clock())


def test_what_takes_long_is_told_while_it_runs(monkeypatch, capsys):
    monkeypatch.setattr(steps, "HEARTBEAT", 0.0)
    clock = Clock()
    clock.under_way(["neutron's tables"], 3, 28)
    assert "3 of 28 done; under way: neutron's tables" in capsys.readouterr().out


def test_a_failed_program_names_its_log_and_shows_the_logs_end(tmp_path):
    log = tmp_path / "make-it.log"
    with pytest.raises(commands.CommandError) as caught:
        commands.logged(["sh", "-c", "seq 1 99; echo no space left; exit 3"], log)
    text = str(caught.value)
    assert "ended with code 3" in text
    assert str(log) in text
    assert text.endswith("    no space left")
    assert "    17\n" not in text


def test_a_program_that_is_not_there_says_how_to_get_it(tmp_path):
    with pytest.raises(commands.CommandError, match="lab install"):
        commands.logged(["no-such-program"], tmp_path / "log")


SECONDS_OF_ITS_OWN = "61.2839"  # tells the process from any other


def read_or_nothing(path):
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def test_a_program_that_hangs_is_ended(tmp_path):
    with pytest.raises(commands.CommandError, match="did not end within"):
        commands.logged(["sleep", SECONDS_OF_ITS_OWN], tmp_path / "log", timeout=0.1)
    running = (read_or_nothing(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    assert not [words for words in running if SECONDS_OF_ITS_OWN.encode() in words.split(b"\0")]
