"""How far an Ansible run is: a line at most every few seconds, with the task that is going on."""

import sys
import time
from typing import TextIO

from clients.ansible import RunResult
from clients.progress import BAR_INTERVAL_S, LINE_INTERVAL_S


class TaskProgress:
    """To be called with the result so far, such as by `clients.ansible.run`.

    Args:
        what: what is being done, e.g. ``"deploy"``.
        stream: where the lines go; stderr, which the Pulumi CLI shows while a provider works.
    """

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._bar = self._stream.isatty()
        self._started = time.monotonic()
        self._told = float("-inf")

    def __call__(self, result: RunResult) -> None:
        """Tell the task, if the last line is old enough."""
        now = time.monotonic()
        if result.task and now - self._told >= (BAR_INTERVAL_S if self._bar else LINE_INTERVAL_S):
            self._told = now
            self._tell(f"{result.task} ({result.tasks} tasks)")

    def end(self, result: RunResult) -> None:
        """Tell how it ended."""
        failed = f", failed on {', '.join(sorted(result.failures))}" if result.failures else ""
        self._tell(f"{result.tasks} tasks, exit code {result.code}{failed}")
        if self._bar:
            self._stream.write("\n")

    def _tell(self, text: str) -> None:
        line = f"[{time.monotonic() - self._started:4.0f} s] {self._what}: {text}"
        self._stream.write(f"\r\x1b[K{line}" if self._bar else f"{line}\n")
        self._stream.flush()
