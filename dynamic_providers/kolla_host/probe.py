"""What a host looks like right now: one SSH connection, one script, one answer."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from clients import ssh
from clients.errors import CloudError

_SCRIPT = Path(__file__).with_name("probe_script.py")
_TIMEOUT_S = 90
_NO_PYTHON = 97
# The script comes by standard input, so nothing is left on the host.
_RUN = f"command -v python3 >/dev/null 2>&1 || exit {_NO_PYTHON}; exec python3 - "


@dataclass(frozen=True)
class Osd:
    """Of which OSD a disk is.

    Attributes:
        id: its number in its cluster, None where the disk does not tell.
        cluster: fsid of its cluster.
    """

    id: str | None = None
    uuid: str | None = None
    cluster: str | None = None


@dataclass(frozen=True)
class Disk:
    """A disk as the host sees it.

    Attributes:
        device: what its path leads to, such as /dev/sdb.
        size: bytes.
        in_use: whether it is mounted or part of another device.
        signatures: what is on it, in wipefs's words.
        osd: whose it is or was.
    """

    device: str
    size: int
    in_use: bool
    signatures: Sequence[str]
    osd: Osd | None


_DISK = TypeAdapter(Disk)


@dataclass(frozen=True)
class Found:
    """What the host said; a text in place of a thing is why it could not be had.

    Attributes:
        nodename: what the host calls itself.
        engine: version of the container engine, by what answers.
        switch: Open vSwitch's tables.
        network: what the host makes its network from; None without such a file.
        interfaces: names of all network interfaces there.
        os_image: reference of the image that is booted, None where the host has no bootc.
        disks: by their paths.
    """

    nodename: str
    engine: str | None
    engine_error: str | None
    switch: dict[str, Any] | None
    switch_error: str | None
    network: dict[str, Any] | None
    network_error: str | None
    interfaces: Sequence[str]
    os_image: str | None
    disks: dict[str, Disk | str]


def look(host: ssh.SshHost, container_engine: str, disks: Sequence[str]) -> Found:
    """Ask the host.

    Raises:
        HostUnreachable, HostKeyMismatch, LoginRefused: see `clients.ssh`.
        CloudError: it has no Python 3, or the script fails there.
    """
    request = json.dumps({"engine": container_engine, "disks": list(disks)})
    try:
        printed = ssh.run(
            host,
            _RUN + shlex.quote(request),
            given=_SCRIPT.read_text(encoding="utf-8"),
            timeout=_TIMEOUT_S,
        )
    except ssh.RemoteCommandFailed as error:
        if error.code == _NO_PYTHON:
            raise CloudError(
                f"{host.where} has no python3, which Ansible runs by; install the host from its kickstart, or put"
                " python3 into its image"
            ) from None
        raise CloudError(f"{host.where} cannot be looked at: {_last(error.stderr)}") from None
    try:
        answer = json.loads(printed.splitlines()[-1])  # what a login prints comes before
    except (IndexError, json.JSONDecodeError):
        raise CloudError(
            f"{host.where}: what it printed is no answer; look what {host.user}'s shell runs at login there"
        ) from None
    return _found(answer)


def _found(answer: dict[str, Any]) -> Found:
    booted = ((answer["bootc"] or {}).get("status") or {}).get("booted") or {}
    image = booted.get("image") or {}
    engine = answer["engine"]
    return Found(
        nodename=answer["nodename"],
        engine=engine["out"].strip() if "out" in engine else None,
        engine_error=engine.get("error"),
        switch=answer["switch"].get("out"),
        switch_error=answer["switch"].get("error"),
        network=answer["network"].get("out"),
        network_error=answer["network"].get("error"),
        interfaces=answer["interfaces"],
        os_image=(image.get("image") or {}).get("image"),
        disks={
            path: disk.get("error") or _DISK.validate_python(disk) for path, disk in answer["disks"].items()
        },
    )


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "it said nothing"
