"""A stack that a killed run left locked, or with operations that did not end; who holds its lock, in Pulumi's own words."""

import json
import re
import socket
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from clients.errors import CloudError
from operations.engine import Stack
from operations.repair.planned import Import, import_file, stack_urn

_HELD = re.compile(r"(\S+): created by (\S+)@(\S+) \(pid (\d+)\) at (\S+)")
_SLACK_S = 2
"""Pulumi tells whole seconds, and a process starts before it locks."""


@dataclass(frozen=True)
class Lock:
    """One lock of a stack.

    Attributes:
        where: the lock file's address.
        user: who ran pulumi, on the machine `host`.
    """

    where: str
    user: str
    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        return f"{self.user} on {self.host}, process {self.pid}, since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

    @property
    def is_ours(self) -> bool:
        """Whether this is the machine that it was taken on, as far as a name tells."""
        return self.host == socket.gethostname()

    def lives(self) -> bool:
        """Whether the process that took it still runs on this machine.

        The kernel gives numbers again: a process that started after the lock was taken is another one.
        """
        try:
            process = psutil.Process(self.pid)
            is_older = process.create_time() <= self.since.timestamp() + _SLACK_S
            return bool(is_older and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


def locks_in(text: str) -> list[Lock]:
    """The locks that Pulumi names in SAID, where it refused to work on a locked stack."""
    return [
        Lock(where, user, host, int(pid), datetime.fromisoformat(since))
        for where, user, host, pid, since in _HELD.findall(text)
    ]


_NOTHING = "urn:pulumi:nothing::nothing::nothing::nothing"


class LockedStack(Stack):
    """What repairing asks of the engine."""

    def locks(self) -> list[Lock]:
        """Who holds the lock, asked of Pulumi itself, so that every kind of backend is understood.

        A refresh of the stack's own resource, which is nothing in any cloud, takes the lock and changes nothing;
        where the stack is locked, Pulumi refuses it and says by whom.

        Raises:
            CloudError: its state cannot be read, or Pulumi fails for another reason.
        """
        urn = stack_urn(self.state())
        done = self.run(
            "refresh", "--yes", "--skip-preview", "--skip-pending-creates", "--target", urn or _NOTHING
        )
        found = locks_in(done.stderr + done.stdout)
        if done.returncode and not found and urn:
            raise CloudError(f"pulumi fails: {(done.stderr or done.stdout).strip()}")
        return found

    def cancel(self) -> None:
        """Removes the lock.

        Raises:
            CloudError: it cannot be removed.
        """
        self._succeed("cancel", "--yes")

    def take_over(self, imports: list[Import]) -> None:
        """Has the state know IMPORTS, unprotected, as if it had seen their creates end; the cloud is only read.

        Raises:
            CloudError: Pulumi cannot import them.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "import.json"
            file.write_text(json.dumps(import_file(imports)), encoding="utf-8")
            how = ("--protect=false", "--generate-code=false", "--yes", "--skip-preview")
            self._succeed("import", "--file", str(file), *how)

    def settle(self, *, forget_creates: bool) -> None:
        """Has the state learn what the cloud has of everything in it and, with FORGET_CREATES, forget the creates under way.

        Everything, because an operation whose plugin alone was killed is not under way: the engine takes it for failed,
        and keeps what the cloud may have removed or changed all the same.

        Raises:
            CloudError: something cannot be read.
        """
        creates = "--clear-pending-creates" if forget_creates else "--skip-pending-creates"
        self._succeed("refresh", "--yes", "--skip-preview", creates)

    def _succeed(self, command: str, *arguments: str) -> None:
        done = self.run(command, *arguments)
        if done.returncode:
            raise CloudError(f"`pulumi {command}` fails: {(done.stdout + done.stderr).strip()}")
