"""Steps with dependencies, run side by side, each saying what it does and how long it took."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HEARTBEAT = 10.0
WORKERS = 8
WORTH_TELLING = 0.5


class StepError(LabError):
    """A step failed; the text names it."""


@dataclass(frozen=True)
class Step:
    """Something to do once the steps it needs are done.

    Attributes:
        name: Unique, and what a person reads.
        action: What it does; raises LabError where a person has to know.
        needs: Names of steps that come first.
    """

    name: str
    action: Callable[[], object]
    needs: tuple[str, ...] = ()


class Clock:
    """Prints lines with the time since the start; at a terminal, also one that says what is under way."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._start = time.monotonic()
        self._quiet = quiet
        self._terminal = sys.stdout.isatty()
        self._lock = threading.Lock()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def say(self, text: str) -> None:
        """Print a line."""
        if self._quiet:
            return
        with self._lock:
            clear = "\r\033[K" if self._terminal else ""
            print(f"{clear}[{self.elapsed:6.1f} s] {text}", flush=True)

    def under_way(self, names: Sequence[str], done: int, total: int) -> None:
        """Redraw the bar at a terminal."""
        if self._quiet or not self._terminal:
            return
        bar = "#" * (20 * done // total) + "." * (20 - 20 * done // total)
        with self._lock:
            text = f"[{self.elapsed:6.1f} s] {bar} {done}/{total}  {', '.join(names)}"
            print(f"\r\033[K{text[:110]}", end="", flush=True)


def run(steps: Sequence[Step], clock: Clock) -> None:
    """Run all steps, each as soon as what it needs is done.

    After a failure nothing new starts; what runs is waited for.

    Raises:
        StepError: A step failed; the text names it and says what it said.
    """
    waiting = {step.name: step for step in steps}
    running: dict[Future[object], tuple[Step, float]] = {}
    done: set[str] = set()
    problem: StepError | None = None
    told = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        while running or (waiting and problem is None):
            if problem is None:
                ready = [step for step in waiting.values() if done.issuperset(step.needs)]
                if not ready and not running:
                    raise StepError(
                        f"these steps wait for each other or for unknown ones: {', '.join(waiting)}"
                    )
                for step in ready:
                    del waiting[step.name]
                    running[pool.submit(step.action)] = (step, time.monotonic())
            finished, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                step, since = running.pop(future)
                spent = time.monotonic() - since
                if (error := future.exception()) is not None:
                    said = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
                    if problem is None:
                        problem = StepError(f"{step.name}: {said}")
                        problem.__cause__ = error
                    continue
                done.add(step.name)
                if spent > WORTH_TELLING:
                    clock.say(f"{step.name} ({spent:.1f} s)")
                    told = time.monotonic()
            names = [step.name for step, _ in running.values()]
            clock.under_way(names, len(done), len(steps))
            if names and not sys.stdout.isatty() and time.monotonic() - told > HEARTBEAT:
                clock.say(f"… {', '.join(names)}")
                told = time.monotonic()
    if problem is not None:
        raise problem
