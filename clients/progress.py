"""Progress of a long step: a line now and then; where its size is known, a bar at a terminal."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

LINE_INTERVAL_S = 5.0
BAR_INTERVAL_S = 0.2
BAR_WIDTH = 30
MIB = 1 << 20


def tell(line: str) -> None:
    """Show a line: the Pulumi CLI shows what a provider writes to standard error."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Tell now and then how long a step without a known size has taken; nothing if it is over before the first line."""
    since = time.monotonic()
    with _ticking(lambda: tell(f"{what}: {time.monotonic() - since:.0f} s")):
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


class Progress:
    """Reports how far a step of known size in bytes is, also while it stands still. Thread-safe; use it in a ``with``.

    Args:
        what: what is being done, e.g. ``"debian-12: writing"``.
        total: size of the whole step in bytes.
        stream: where the lines go; stderr, which the Pulumi CLI shows while a provider works.
        brief: whether nothing is told of a step that is over before the first line was due.
    """

    def __init__(self, what: str, total: int, stream: TextIO | None = None, *, brief: bool = False) -> None:
        self._what = what
        self._total = total
        self._stream = stream or sys.stderr
        self._bar = self._stream.isatty()
        self._done = 0
        self._silent = brief
        self._lock = threading.Lock()
        self._started = self._told = time.monotonic()
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
            self._tell(
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
            if now - self._told < (BAR_INTERVAL_S if self._bar else LINE_INTERVAL_S):
                return
            self._told = now
            self._silent = False
            self._tell(self._line(now))

    def _line(self, now: float) -> str:
        elapsed = max(now - self._started, 1e-6)
        speed = self._done / elapsed
        part = min(self._done / self._total, 1.0) if self._total else 1.0
        left = (self._total - self._done) / speed if speed else 0.0
        drawn = "█" * round(part * BAR_WIDTH)
        bar = f"▕{drawn:<{BAR_WIDTH}}▏ " if self._bar else ""
        return f"{self._what}: {bar}{part:4.0%}, {speed / MIB:.0f} MiB/s, {max(left, 0):.0f} s left"

    def _tell(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}" if self._bar else f"{line}\n")
        self._stream.flush()
