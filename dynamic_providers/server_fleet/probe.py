"""Whether a server is well: its console, a port, a command. Nova's ACTIVE says only that its virtual machine runs."""

import os
import re
import socket
import subprocess
from dataclasses import dataclass

from config.fleet import FleetProbeSpec
from dynamic_providers.server_fleet.nova import Nova
from dynamic_providers.server_fleet.server import BOOT, Server

_MARKER = re.compile(r"ready image=(?P<image>\S+) boot=(?P<boot>[0-9a-fA-F-]{36})")
_KEYS = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
_KEY = re.compile(r"\b((?:ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2})")
_TRY_S = 3.0
_COMMAND_S = 60


@dataclass(frozen=True)
class Shown:
    """What a server has shown.

    Attributes:
        lacking: what it has not shown yet, a sentence; empty where it is well.
        wrong: whether waiting is of no use.
        boot: the boot's id, where the console tells one.
        host_keys: its public SSH keys, ``TYPE BASE64``, where the console tells them (cloud-init does).
    """

    lacking: str = ""
    wrong: bool = False
    boot: str = ""
    host_keys: tuple[str, ...] = ()


def look(nova: Nova, server: Server, probe: FleetProbeSpec, build_digest: str) -> Shown:
    """Ask SERVER, which is ACTIVE, once; BUILD_DIGEST is what its console should call its image."""
    shown = Shown()
    if probe.console:
        shown = on_console(nova.console(server), build_digest, server.metadata.get(BOOT, ""))
    if not shown.lacking and (lacking := outside(server, probe)):
        return Shown(lacking)
    return shown


def on_console(text: str, build_digest: str, boot_before: str) -> Shown:
    """What the console's TEXT shows of a boot that is not BOOT_BEFORE."""
    found = [marker for marker in _MARKER.finditer(text) if marker["boot"] != boot_before]
    if not found:
        return Shown("its console shows no `ready image=… boot=…` of a new boot")
    marker = found[-1]
    if build_digest and marker["image"] != build_digest:
        return Shown(f"its console shows image {marker['image']}, and {build_digest} is declared", wrong=True)
    keys = _KEYS.search(text, marker.start()) or _KEYS.search(text)
    return Shown(boot=marker["boot"], host_keys=tuple(_KEY.findall(keys[1])) if keys else ())


def outside(server: Server, probe: FleetProbeSpec) -> str:
    """What is lacking of what can be seen from here, without its console."""
    if not (probe.tcp or probe.command):
        return ""
    if not server.addresses:
        return "it has no address"
    address = server.addresses[0]
    if probe.tcp:
        try:
            socket.create_connection((address, probe.tcp), timeout=_TRY_S).close()
        except OSError as error:
            return f"{address} takes no connection on port {probe.tcp}: {error}"
    return _failed(probe.command, server.member, address) if probe.command else ""


def known_hosts(member: str, address: str, keys: tuple[str, ...] | list[str]) -> str:
    """Lines of known_hosts for a server's keys."""
    return "".join(f"{member},{address} {key}\n" for key in keys)


def _failed(command: tuple[str, ...], member: str, address: str) -> str:
    try:
        done = subprocess.run(
            command,
            env=os.environ | {"MEMBER": member, "ADDRESS": address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the command {command[0]} did not end well: {error}"
    return f"the command {command[0]} exits with {done.returncode}" if done.returncode else ""
