"""Commands on a host by the OpenSSH program, with errors that say which host, what is wrong and what to do.

The host's key has to be in the known_hosts file given. ssh's own words go to a file of their own (``-E``). No retries.
"""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from clients import host_keys
from clients.errors import CloudError

CONNECT_S = 10
ALIVE_S, ALIVE_COUNT = 5, 3  # a host that is silent for 15 s has hung up
_SSH_FAILED = 255  # also what ssh says of a command that a signal ended
_LONGEST_SHOWN = 100  # characters of a command in a sentence
_HUNG_UP = re.compile(
    r"closed by remote host|Connection reset|Connection closed|Broken pipe|not responding"
    r"|message authentication code incorrect|Bad packet length"
)
_NO_SUDO = re.compile(
    r"^sudo: (.*password is required|.*not in the sudoers|sorry,.*|.*no tty present.*)", re.MULTILINE
)


class HostUnreachable(CloudError):  # noqa: N818 - the state, as Ansible names it
    """The host does not answer, or stopped answering half way."""


class HostKeyMismatch(CloudError):  # noqa: N818
    """What answers proves itself with another key than the one that is pinned."""


class LoginRefused(CloudError):  # noqa: N818
    """The host answers and does not let the user in, or not become root."""


class RemoteCommandFailed(CloudError):  # noqa: N818
    """The command itself failed on the host.

    Attributes:
        stderr: what it complained of; may be long.
    """

    def __init__(self, sentence: str, code: int, stderr: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.stderr = stderr


class SshHost(BaseModel, frozen=True, extra="forbid"):
    """How a host is reached.

    Attributes:
        name: the host's own, for sentences and names of files.
        address: its IP address or name.
        user: the account there; commands run as root, by ``sudo -n`` where it is another.
        private_key_file: that account's key.
        known_hosts_file: where the host's key is pinned.
    """

    name: str = Field(pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)
    address: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    user: str = Field(min_length=1)
    private_key_file: Path
    known_hosts_file: Path

    @property
    def where(self) -> str:
        """Its name and address, for sentences."""
        return f"host {self.name} ({self.address} port {self.port})"


def run(host: SshHost, command: Sequence[str] | str, *, given: str = "", timeout: float = 30) -> str:
    """Run a command on the host as root and return what it printed.

    Args:
        host: where.
        command: the program and its arguments, or one text for the host's ``sh``. Others can read it there,
            so no secret may be in it.
        given: the command's standard input, which is the way for a secret.
        timeout: seconds for all of it, connecting included.

    Raises:
        HostUnreachable: the host did not answer, hung up half way, or the command did not end in time.
        HostKeyMismatch: the host has another key than the one in its known_hosts file.
        LoginRefused: it does not take the key for that user, or the user may not become root.
        RemoteCommandFailed: the command ended with another exit code than 0.
    """
    if not host.private_key_file.is_file():
        raise LoginRefused(
            f"{host.where}: the private key file {host.private_key_file} is not there; give the file that holds"
            f" the SSH key of {host.user}"
        )
    words = ["sh", "-c", command] if isinstance(command, str) else list(command)
    shown = _shown(command if isinstance(command, str) else shlex.join(command))
    if host.user != "root":
        words = ["sudo", "-n", *words]
    with tempfile.NamedTemporaryFile("r", prefix="ssh-", encoding="utf-8", errors="replace") as log:
        try:
            done = subprocess.run(
                ["ssh", "-E", log.name, *options(host, timeout), "--", host.address, shlex.join(words)],
                input=given,
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                env=os.environ | {"LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            raise HostUnreachable(
                f"{host.where}: no end of {shown} within {timeout:.0f} s; look whether the host hangs"
            ) from None
        output = log.read()
    if done.returncode == 0:
        return done.stdout
    if done.returncode == _SSH_FAILED:
        _raise_of_ssh(host, output, done.stderr)
    if _NO_SUDO.search(done.stderr):
        raise LoginRefused(
            f"{host.where}: {host.user} may not become root there ({_last(done.stderr)}); give it"
            f" '{host.user} ALL=(ALL) NOPASSWD: ALL' in the host's sudoers"
        )
    raise RemoteCommandFailed(
        f"{host.where}: {shown} failed with exit code {done.returncode}: {_last(done.stderr) or 'it output nothing'}",
        done.returncode,
        done.stderr,
    )


def options(host: SshHost, timeout: float = CONNECT_S) -> list[str]:
    """The arguments of ssh for that host, whatever else is in the configuration of the user who runs it."""
    settings = {
        "BatchMode": "yes",
        "ConnectTimeout": str(max(1, int(min(CONNECT_S, timeout)))),
        "ConnectionAttempts": "1",
        "ServerAliveInterval": str(ALIVE_S),
        "ServerAliveCountMax": str(ALIVE_COUNT),
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _quoted(host.known_hosts_file),
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "IdentitiesOnly": "yes",
        "IdentityFile": _quoted(host.private_key_file),
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "ControlMaster": "no",
        "ControlPath": "none",
        "RequestTTY": "no",
        "LogLevel": "ERROR",
        "Port": str(host.port),
        "User": host.user,
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _raise_of_ssh(host: SshHost, output: str, stderr: str) -> None:
    """Say what ssh's own failure means; return if it was the command that ended with this code."""
    if "Host key verification failed" in output:
        raise _mismatch(host, output)
    if "Permission denied" in output or "Too many authentication failures" in output:
        why = re.search(r'^Load key ".*": (.*)$', output, re.MULTILINE)
        raise LoginRefused(
            f"{host.where} refuses user {host.user} with the key file {host.private_key_file}"
            + (f" ({why[1]})" if why else "")
            + "; put its public half into that user's authorized_keys there, or name another user or key"
        )
    # What ssh tells of a connection that ends while a command runs goes to standard error, in its own words.
    closed = re.search(r"^Connection to \S+ closed by remote host\.\s*\Z", stderr, re.MULTILINE)
    if closed or _HUNG_UP.search(output):
        raise HostUnreachable(
            f"{host.where} hung up half way ({_last(output) or 'connection closed'}); look whether it restarts or its"
            " links fail, then run this again"
        )
    if output.strip():
        raise HostUnreachable(
            f"{host.where} cannot be reached: {_last(output)}; look whether it is up and its address and port are right"
        )


def _mismatch(host: SshHost, output: str) -> HostKeyMismatch:
    pinned = [host_keys.fingerprint(key) for key in host_keys.pinned(host.known_hosts_file)]
    fingerprint = re.search(r"SHA256:[A-Za-z0-9+/]+", output)
    seen = fingerprint[0] if fingerprint else None
    if seen is None and (key := host_keys.shown(host.address, host.port, CONNECT_S)):
        seen = host_keys.fingerprint(key)
    shows = f" (it shows {seen})" if seen else ""
    if not pinned:
        return HostKeyMismatch(f"{host.where}: no key is pinned in {host.known_hosts_file}{shows}")
    return HostKeyMismatch(
        f"{host.where} does not have the host key that is expected, {', '.join(pinned)}{shows}; if it was installed"
        " anew, compare with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on its console and declare that key"
        " as host_key; if not, somebody else answers at its address"
    )


def _quoted(path: Path) -> str:
    # ssh takes an option's words apart at spaces, and %d and the like for its own.
    return f'"{str(path).replace("%", "%%")}"'


def _shown(command: str) -> str:
    text = " ".join(command.split())
    return f"`{text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + '…'}`"


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
