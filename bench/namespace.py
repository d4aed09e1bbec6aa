"""Network namespaces of one's own: what runs in them, and sockets opened in them."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

CLONE_NEWNET = 0x40000000
WITHIN = 20.0  # seconds


class Namespace:
    """A network namespace with a name of its own; gone after the ``with``."""

    def __init__(self, name: str) -> None:
        self.name = f"{name}-{secrets.token_hex(3)}"

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run("ip", "netns", "del", self.name)

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs COMMAND in here."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str) -> str:
        """Run a program in here and return what it printed."""
        return run(*self.inside(*command))

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Open a socket in here: a socket stays in the namespace that its thread was in."""
        libc = ctypes.CDLL(None, use_errno=True)
        ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        theirs = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if libc.setns(theirs, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"namespace {self.name} cannot be entered")
            try:
                return socket.socket(family, kind, protocol)
            finally:
                libc.setns(ours, CLONE_NEWNET)
        finally:
            os.close(ours)
            os.close(theirs)


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Run a program; what it printed, or a failure with what it complained of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout + done.stderr


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Wait until something is TRUE."""
    until = time.monotonic() + WITHIN
    while not true():
        if time.monotonic() > until:
            raise RuntimeError(f"waited {WITHIN:.0f} s in vain until {what}")
        time.sleep(0.1)
