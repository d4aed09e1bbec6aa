"""Steps with dependencies, run in parallel; each is printed with its duration."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.settings import LabError
from toolchain.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HEARTBEAT = 10.0
WORKERS = 8
WORTH_SHOWING = 0.5


class StepError(LabError):
    """A step failed; the text names it."""


@dataclass(frozen=True)
class Step:
    """An action that runs once the steps it needs are done.

    Attributes:
        name: Unique, and what a person reads.
        action: What it does; raises LabError where a person has to know.
        needs: Names of steps that come first.
    """

    name: str
    action: Callable[[], object]
    needs: tuple[str, ...] = ()


class Clock:
    """Prints lines with the time since the start, and the running steps."""

    def __init__(self) -> None:
        self._start = self._last_line = time.monotonic()
        self._terminal = sys.stdout.isatty()
        self._lock = threading.Lock()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def say(self, text: str) -> None:
        """Print a line."""
        with self._lock:
            clear = "\r\033[K" if self._terminal else ""
            print(f"{clear}[{self.elapsed:6.1f} s] {text}", flush=True)
            self._last_line = time.monotonic()

    def under_way(self, names: Sequence[str], done: int, total: int) -> None:
        """Show the running steps: a bar on a terminal, otherwise a line if none was printed for a while."""
        if not self._terminal:
            if names and time.monotonic() - self._last_line > HEARTBEAT:
                self.say(f"{done} of {total} done; under way: {', '.join(names)}")
            return
        filled = 20 * done // total
        text = (
            f"[{self.elapsed:6.1f} s] {'#' * filled}{'.' * (20 - filled)} {done}/{total}  {', '.join(names)}"
        )
        with self._lock:
            shown = text[: shutil.get_terminal_size().columns - 1] if names else ""
            print(f"\r\033[K{shown}", end="", flush=True)


def run(steps: Sequence[Step], clock: Clock) -> None:
    """Run all steps, each as soon as what it needs is done.

    After a failure no new step starts, and running ones are waited for.

    Raises:
        StepError: A step failed; the text has its name and its error.
    """
    waiting = {step.name: step for step in steps}
    running: dict[Future[object], tuple[Step, float]] = {}
    done: set[str] = set()
    problem: StepError | None = None
    with ThreadPoolExecutor(WORKERS) as pool:
        while running or (waiting and problem is None):
            ready = [step for step in waiting.values() if problem is None and done.issuperset(step.needs)]
            if not ready and not running:
                raise StepError(f"these steps wait for each other or for unknown ones: {', '.join(waiting)}")
            for step in ready:
                del waiting[step.name]
                running[pool.submit(step.action)] = (step, time.monotonic())
            finished, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                step, since = running.pop(future)
                if (error := future.exception()) is not None:
                    problem = problem or failed(step, error)
                    continue
                done.add(step.name)
                if (spent := time.monotonic() - since) > WORTH_SHOWING:
                    clock.say(f"{step.name} ({spent:.1f} s)")
            clock.under_way([step.name for step, _ in running.values()], len(done), len(steps))
    if problem is not None:
        raise problem


def failed(step: Step, error: BaseException) -> StepError:
    """Return the error of a failed step; one that is no Failure is shown with its type."""
    message = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
    problem = StepError(f"{step.name}: {message}")
    problem.__cause__ = error
    return problem
