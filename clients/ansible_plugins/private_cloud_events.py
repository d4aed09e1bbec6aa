# ruff: noqa: INP001 - a folder that Ansible loads from, no package
"""A callback plugin that Ansible loads: what happens, as one JSON object a line, into $PRIVATE_CLOUD_EVENTS.

It runs in Ansible's process, with Ansible's Python, so it imports nothing of this project. Results come to it after
Ansible has censored those of tasks with ``no_log``; of the others it passes on what the module says went wrong, and
never the task's arguments or command, which hold passwords.
"""

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: private_cloud_events
type: notification
short_description: writes events as JSON lines for the program that started Ansible
description: Into the file that the environment variable PRIVATE_CLOUD_EVENTS names; without it, nothing.
"""

LONGEST = 600  # characters of a message
# Without what the command complained of, that is.
SAYS_NOTHING = ("non-zero return code", "MODULE FAILURE", "Module result deserialization failed")
MESSAGE_KEYS = ("msg", "stderr", "module_stderr", "stdout", "module_stdout")


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible publishes no types
    """Writes each event at once: whoever reads it may have to tell why Ansible died."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "private_cloud_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        path = os.environ.get("PRIVATE_CLOUD_EVENTS")
        # Kept open for the whole run.
        self._file = open(path, "a", encoding="utf-8") if path else None  # noqa: PTH123, SIM115
        self._plays: list[str] = []
        self._started: set[str] = set()

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """How many plays there will be."""
        self._plays = [play._uuid for play in playbook.get_plays()]  # noqa: SLF001 - Ansible has no other name
        self._write(event="start", plays=len(self._plays))

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Which play."""
        self._started.add(play._uuid)  # noqa: SLF001
        self._write(event="play", play=play.get_name())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002
        """Which task."""
        self._write(event="task", task=task.get_name())

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Which handler."""
        self._write(event="task", task=task.get_name())

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Which host, and why; a rescue may still mend it."""
        if not ignore_errors:
            self._write(event="failed", **_what(result))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Which host, and why."""
        if not result.task.ignore_unreachable:
            self._write(event="unreachable", **_what(result))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The verdict: a failure that a rescue mended does not count; a play that was not begun does."""
        hosts = {name: stats.summarize(name) for name in stats.processed}
        self._write(
            event="end",
            whole=self._started >= set(self._plays),
            failed=sorted(name for name, counts in hosts.items() if counts["failures"]),
            unreachable=sorted(name for name, counts in hosts.items() if counts["unreachable"]),
            seen=sorted(hosts),
        )

    def _write(self, **event: Any) -> None:
        if self._file is not None:
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()


def _what(result: Any) -> dict[str, str]:
    return {
        "host": result.host.get_name(),
        "task": result.task.get_name(),
        "message": _message(result.result),
    }


def _message(found: dict[str, Any]) -> str:
    if "censored" in found:
        return "what went wrong is hidden (no_log)"
    items = [item for item in found.get("results", []) if isinstance(item, dict)]
    bad = next((item for item in items if item.get("failed") or item.get("unreachable")), None)
    if bad is not None:
        return _message(bad)
    messages = [text for key in MESSAGE_KEYS if (text := " ".join(str(found.get(key) or "").split()))]
    if not messages:
        return "it said nothing"
    text = ": ".join(messages[:2]) if messages[0].startswith(SAYS_NOTHING) else messages[0]
    return text if len(text) <= LONGEST else text[: LONGEST // 2] + " … " + text[-LONGEST // 2 :]
