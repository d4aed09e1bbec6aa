"""A `pulumi` under way with everything that it started, and the parts of it that a test may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program_copy import ProgramCopy

VICTIMS = ("tree", "engine", "dynamic host", "openstack plugin")
"""What is killed: everything at once as by a power cut, or one of its processes."""

_COMMANDS = {
    "dynamic host": "pulumi-resource-pulumi-python",
    "openstack plugin": "pulumi-resource-openstack",
}
_END_S = 30


@dataclass(frozen=True)
class Process:
    """A process of this machine."""

    pid: int
    command: str


@dataclass(frozen=True)
class RunningPulumi:
    """A `pulumi` that runs in a folder, and its children, theirs, and so on."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, program: ProgramCopy, log: Path, *arguments: str) -> RunningPulumi:
        """Starts `pulumi ARGUMENTS` in the folder of PROGRAM; what it prints goes to LOG."""
        with log.open("wb") as output:
            return cls(
                subprocess.Popen(
                    ["pulumi", *arguments, "--non-interactive", "--color=never"],
                    cwd=program.folder,
                    env=dict(program.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    @property
    def is_running(self) -> bool:
        """Whether the engine has not ended."""
        return self.process.poll() is None

    def tree(self) -> list[Process]:
        """The engine and all that it started, the engine first."""
        return list(_tree(self.process.pid))

    def freeze(self, part: str = "engine") -> None:
        """Stops the PART: what the cloud was asked goes on. A stopped engine saves nothing, a stopped plugin answers nothing."""
        self._send(part, signal.SIGSTOP)

    def thaw(self, part: str = "engine") -> None:
        """Lets the PART go on."""
        self._send(part, signal.SIGCONT)

    def _send(self, part: str, number: signal.Signals) -> None:
        if part == "engine":
            self.process.send_signal(number)
            return
        for process in self.tree():
            if _COMMANDS[part] in process.command:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, number)

    def kill(self, victim: str) -> bool:
        """Kills the part called VICTIM; False where it does not run (yet, or any more)."""
        if not self.is_running:
            return False
        if victim == "engine":
            self.process.kill()
            self.process.wait()
            return True
        found = self.tree()
        if victim != "tree":
            found = [process for process in found if _COMMANDS[victim] in process.command]
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if victim == "tree":
            self.process.wait()
        return bool(found)

    def wait(self, seconds: float) -> int:
        """The engine's exit code.

        Raises:
            subprocess.TimeoutExpired: it does not end in SECONDS.
        """
        return self.process.wait(seconds)


def _tree(root: int) -> Iterator[Process]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    left = [root]
    while left:
        pid = left.pop(0)
        left += children.get(pid, [])
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            yield Process(pid, " ".join(words).strip())


def ended(folder: Path, seconds: float = _END_S) -> bool:
    """Whether every pulumi that runs in FOLDER ends by itself in SECONDS."""
    deadline = time.monotonic() + seconds
    while any(_runs_pulumi_in(folder)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _runs_pulumi_in(folder: Path) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            here = (entry / "cwd").resolve() == folder.resolve()
            if here and b"pulumi" in (entry / "cmdline").read_bytes():
                yield int(entry.name)
