import io
import re
import threading

import pytest

from clients import progress as progress_module
from clients.progress import Progress, waiting


def test_without_a_terminal_a_short_step_is_one_line():
    stream = io.StringIO()
    with Progress("writing", 10 << 20, stream) as progress:
        for _ in range(10):
            progress.advance(1 << 20)
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("writing: 10 MiB in ")


def test_a_failed_step_does_not_say_that_it_is_done():
    stream = io.StringIO()
    with pytest.raises(RuntimeError), Progress("writing", 10 << 20, stream):
        raise RuntimeError
    assert stream.getvalue() == ""


class Clock:
    """Stands for the module `time`; it moves when a test says so."""

    now = 1000.0

    def monotonic(self):
        return self.now


def test_without_a_terminal_a_long_step_is_a_line_in_five_seconds_with_percent_speed_and_time_left(
    monkeypatch,
):
    clock, stream = Clock(), io.StringIO()
    monkeypatch.setattr(progress_module, "time", clock)
    with Progress("debian-12: writing", 600 << 20, stream) as progress:
        for _ in range(600):
            clock.now += 0.1
            progress.advance(1 << 20)
    *lines, last = stream.getvalue().splitlines()
    assert 10 <= len(lines) <= 60 / 5
    assert lines[0] == "debian-12: writing:   8%, 10 MiB/s, 55 s left"
    assert all(re.fullmatch(r"debian-12: writing: +[0-9]+%, 10 MiB/s, [0-9]+ s left", line) for line in lines)
    assert last == "debian-12: writing: 600 MiB in 60.0 s (10 MiB/s)"


def test_at_a_terminal_a_bar_is_drawn_anew_at_most_five_times_a_second(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    clock, stream = Clock(), Terminal()
    monkeypatch.setattr(progress_module, "time", clock)
    with Progress("writing", 100 << 20, stream) as progress:
        for _ in range(100):
            clock.now += 0.01
            progress.advance(1 << 20)
    drawn = stream.getvalue().split("\r\x1b[K")
    assert 2 <= len(drawn) - 2 <= 1 / 0.2  # but for what is before the first, and the last line


class Stream(io.StringIO):
    """A stream that tells when a line has come."""

    def __init__(self):
        super().__init__()
        self.messages = threading.Event()

    def write(self, text):
        super().write(text)
        self.messages.set()
        return len(text)


def test_a_step_that_stands_still_is_told_of(monkeypatch):
    monkeypatch.setattr(progress_module, "LINE_INTERVAL_S", 0.01)
    stream = Stream()
    with Progress("writing", 10 << 20, stream) as progress:
        progress.advance(5 << 20)
        stream.messages.clear()
        assert stream.messages.wait(60)
    assert "writing:  50%, " in stream.getvalue()


def test_a_wait_of_unknown_length_is_told_of_while_it_lasts(monkeypatch):
    monkeypatch.setattr(progress_module, "LINE_INTERVAL_S", 0.01)
    stream = Stream()
    monkeypatch.setattr("sys.stderr", stream)
    with waiting("debian-12: waiting for Glance"):
        assert stream.messages.wait(60)
    assert re.match(r"debian-12: waiting for Glance: \d+ s\n", stream.getvalue())


def test_a_short_wait_is_silent(capsys):
    with waiting("debian-12: waiting for Glance"):
        pass
    assert capsys.readouterr().err == ""
