"""Runs ansible-playbook, or what runs it (kolla-ansible), and follows it task by task.

What it prints goes into a log file; events come from a callback plugin that Ansible loads by its environment. If this
program dies, so does the run (clients/process_reaper.py).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from clients import process_reaper
from clients.errors import CloudError

PLUGINS = Path(__file__).parent / "ansible_plugins"
EVENTS = "private_cloud_events"
TAIL_S = 0.2
_LAST_WORDS = 4096  # bytes of a log's end in which its last line is looked for

Event = dict[str, Any]
"""``event`` is start, play, task, failed, unreachable or end; see clients/ansible_plugins."""


@dataclass(frozen=True)
class Failure:
    """What went wrong on one host.

    Attributes:
        task: the name of the task, with its role as Ansible tells it ("nova-cell : Copying over nova.conf").
        message: what the module said; hidden where the task says no_log.
        unreachable: whether the host could not be reached, rather than the task failing there.
    """

    task: str
    message: str
    unreachable: bool = False


@dataclass
class RunResult:
    """How a run ended.

    Attributes:
        log: everything it printed.
        tasks: how many tasks were begun.
        task: the name of the last of them.
        whole: whether Ansible began every play and told its verdict.
        seen: the hosts that took part.
    """

    log: Path
    code: int = -1
    tasks: int = 0
    task: str = ""
    whole: bool = False
    failures: dict[str, Failure] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()

    def failure(self, host: str) -> Failure | None:
        """Why the host is not done; None if it is."""
        if host in self.failures:
            return self.failures[host]
        if self.seen and host not in self.seen:
            return Failure(self.task, "nothing was run on this host: the inventory does not know it")
        if self.code == 0:
            return None
        if self.whole and self.failures:
            return None
        if self.failures:
            first, found = next(iter(self.failures.items()))
            return Failure(self.task, f"Ansible gave up for all hosts after {first} failed at {found.task!r}")
        last_line = last_words(self.log)
        return Failure(
            self.task, f"Ansible ended with exit code {self.code} before this host was done: {last_line}"
        )

    def take(self, event: Event) -> None:
        """Learn from one event."""
        kind = event["event"]
        if kind == "task":
            self.tasks += 1
            self.task = event["task"]
        elif kind in {"failed", "unreachable"}:
            self.failures[event["host"]] = Failure(event["task"], event["message"], kind == "unreachable")
        elif kind == "end":
            self._verdict(event)

    def _verdict(self, end: Event) -> None:
        self.whole = end["whole"]
        self.seen = frozenset(end["seen"])
        bad = [*end["unreachable"], *end["failed"]]
        # A task that runs once for all fails for all, and is told of one.
        shared = next(reversed(self.failures.values()), Failure(self.task, "it said nothing"))
        self.failures = {host: self.failures.get(host, shared) for host in bad}


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    on_event: Callable[[RunResult], None],
    keep_open: Sequence[int] = (),
) -> RunResult:
    """Run it to its end, whatever that is.

    Args:
        command: the program and its arguments; others can read them, so no secret may be in it.
        environment: what it gets beside this process's own.
        log: gets everything it prints; its folder is made, readable by the user alone.
        on_event: called with the result so far after each event.
        keep_open: file descriptors that stay open until the last process of the run is gone, such as a lock's.
    """
    program = located(command[0])
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    events = log.with_suffix(".events")
    own = {
        "ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS),
        "ANSIBLE_CALLBACKS_ENABLED": EVENTS,
        "PRIVATE_CLOUD_EVENTS": str(events),
    }
    result = RunResult(log)
    with log.open("xb") as output, events.open("x+", encoding="utf-8") as event_file, _alive() as pipe:
        child = subprocess.Popen(
            [sys.executable, "-IS", process_reaper.__file__, str(program), *command[1:]],
            stdin=pipe,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=beside(program, environment) | own,
            start_new_session=True,  # so that it outlives whoever ends this program's group
            pass_fds=keep_open,
        )
        os.close(pipe)
        for line in _lines(child, event_file):
            result.take(json.loads(line))
            on_event(result)
        result.code = child.wait()
    events.unlink()
    return result


def located(program: str) -> Path:
    """Where a program is."""
    found = shutil.which(program)
    if found is None:
        raise CloudError(
            f"there is no program {program}: install Kolla-Ansible, or give its absolute path as kolla.command"
        )
    return Path(found)


def beside(program: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """This process's environment and what is added to it, with the programs beside the given one first.

    kolla-ansible calls ansible-playbook by name, and a virtual environment need not be on PATH.
    """
    folders = [str(program.parent), str(program.resolve().parent), os.environ.get("PATH", os.defpath)]
    return os.environ | dict(environment) | {"PATH": os.pathsep.join(folders)}


def answer(installed: str, *command: str, environment: Mapping[str, str]) -> str:
    """What COMMAND, one of Ansible's programs, prints; INSTALLED is the program beside which Ansible is: kolla-ansible."""
    done = subprocess.run(
        # A program is looked for in the PATH of this process, not in the one that it gets.
        ["/usr/bin/env", *command],
        env=beside(located(installed), environment),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        last_line = next((line for line in lines if "ERROR" in line), (lines or ["it said nothing"])[-1])
        raise CloudError(f"`{' '.join(command)}` failed: {last_line}")
    return done.stdout


def inventory(installed: str, path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """The inventory at PATH as Ansible reads it: groups by name, and under ``_meta`` the variables of hosts."""
    words = ("ansible-inventory", "--inventory", str(path), "--list")
    found: dict[str, Any] = json.loads(answer(installed, *words, environment=environment))
    return found


def last_words(log: Path) -> str:
    """What a log says last that tells why: Ansible's last error, or else its last line."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_WORDS))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("[ERROR]", "ERROR"))]
    return (errors or lines or ["it said nothing"])[-1].rstrip(".")


@contextmanager
def _alive() -> Iterator[int]:
    """The end of a pipe that tells its reader when this program is gone, or is done with it."""
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(ours)


def _lines(child: subprocess.Popen[bytes], event_file: TextIO) -> Iterator[str]:
    """Yield the lines that come into a file until the child has ended."""
    rest, running = "", True
    while running:
        try:
            child.wait(TAIL_S)
            running = False
        except subprocess.TimeoutExpired:
            pass
        *whole, rest = (rest + event_file.read()).split("\n")
        yield from whole
