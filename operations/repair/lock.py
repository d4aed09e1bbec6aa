"""Who holds a stack's lock, in Pulumi's own words, and whether that process still lives here."""

import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

_HELD = re.compile(r"(\S+): created by (\S+)@(\S+) \(pid (\d+)\) at (\S+)")
_SLACK_S = 2
"""Pulumi tells whole seconds, and a process starts before it locks."""


@dataclass(frozen=True)
class Lock:
    """One lock of a stack.

    Attributes:
        where: the lock file's address.
        user: who ran pulumi.
        host: on which machine.
        pid: its process there.
        since: when it locked.
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
