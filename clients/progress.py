"""Progress of a long step: a line now and then; where its size is known, a bar at a terminal."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

from clients.ansible import RunResult

LINE_INTERVAL_S = 5.0
BAR_INTERVAL_S = 0.2
BAR_WIDTH = 30
MIB = 1 << 20


def log_line(line: str) -> None:
    """Show a line: the Pulumi CLI shows what a provider writes to standard error."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Tell now and then how long a step without a known size has taken; nothing if it is over before the first line."""
    since = time.monotonic()
    with _ticking(lambda: log_line(f"{what}: {time.monotonic() - since:.0f} s")):
        yield


@contextmanager
def _ticking(tick: Callable[[], None]) -> Iterator[None]:
    """Call TICK each LINE_INTERVAL_S, in a thread of its own."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(LINE_INTERVAL_S):
            tick()

    thread = threading.Thread(target=run, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Lines:
    """Lines on a stream, one over the other where that is a terminal.

    Args:
        what: what is being done, e.g. ``"debian-12: writing"``.
        stream: where the lines go; stderr, which the Pulumi CLI shows while a provider works.
    """

    def __init__(self, what: str, stream: TextIO | None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._bar = self._stream.isatty()
        self._started = self._last_write = time.monotonic()

    def _is_due(self, now: float) -> bool:
        """Whether the last line is old enough; this is the last one then."""
        if now - self._last_write < (BAR_INTERVAL_S if self._bar else LINE_INTERVAL_S):
            return False
        self._last_write = now
        return True

    def _write(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}" if self._bar else f"{line}\n")
        self._stream.flush()


class TaskProgress(_Lines):
    """How far an Ansible run is: to be called with the result so far, such as by `clients.ansible.run`."""

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        super().__init__(what, stream)
        self._last_write = float("-inf")

    def __call__(self, result: RunResult) -> None:
        """Tell the task, if the last line is old enough."""
        if result.task and self._is_due(time.monotonic()):
            self._write_since(f"{result.task} ({result.tasks} tasks)")

    def end(self, result: RunResult) -> None:
        """Tell how it ended."""
        failed = f", failed on {', '.join(sorted(result.failures))}" if result.failures else ""
        self._write_since(f"{result.tasks} tasks, exit code {result.code}{failed}")
        if self._bar:
            self._stream.write("\n")

    def _write_since(self, text: str) -> None:
        self._write(f"[{time.monotonic() - self._started:4.0f} s] {self._what}: {text}")


class Progress(_Lines):
    """Reports how far a step of known size in bytes is, also while it stands still. Thread-safe; use it in a ``with``.

    Args:
        what: what is being done.
        total: size of the whole step in bytes.
        stream: where the lines go.
        brief: whether nothing is told of a step that is over before the first line was due.
    """

    def __init__(self, what: str, total: int, stream: TextIO | None = None, *, brief: bool = False) -> None:
        super().__init__(what, stream)
        self._total = total
        self._done = 0
        self._silent = brief
        self._lock = threading.Lock()
        self._ticking = _ticking(lambda: self.advance(0))

    def __enter__(self) -> Self:
        self._ticking.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ticking.__exit__(kind, error, trace)
        if self._silent:
            return
        if kind is None:
            elapsed = max(time.monotonic() - self._started, 1e-6)
            self._write(
                f"{self._what}: {self._done / MIB:.0f} MiB in {elapsed:.1f} s"
                f" ({self._done / MIB / elapsed:.0f} MiB/s)"
            )
        if self._bar:
            self._stream.write("\n")

    def advance(self, count: int) -> None:
        """Add ``count`` bytes to what is done and report, if the last report is old enough."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if self._is_due(now):
                self._silent = False
                self._write(self._line(now))

    def _line(self, now: float) -> str:
        elapsed = max(now - self._started, 1e-6)
        speed = self._done / elapsed
        part = min(self._done / self._total, 1.0) if self._total else 1.0
        left = (self._total - self._done) / speed if speed else 0.0
        drawn = "█" * round(part * BAR_WIDTH)
        bar = f"▕{drawn:<{BAR_WIDTH}}▏ " if self._bar else ""
        return f"{self._what}: {bar}{part:4.0%}, {speed / MIB:.0f} MiB/s, {max(left, 0):.0f} s left"
