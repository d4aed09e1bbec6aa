"""SSH keys: the one that programs log in to the simulated hosts with, and each host's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import commands

if TYPE_CHECKING:
    from pathlib import Path

    from lab.hosts.host import SimulatedHost
    from lab.settings import Lab


def login_key(lab: Lab) -> Path:
    """Where the private key of the hosts' user is; readable by root only."""
    return lab.etc / "hosts" / "id_ed25519"


def host_key(host: SimulatedHost) -> Path:
    """Where a host's private key is kept, so that it stays the same for as long as the lab's data."""
    return host.folder / "ssh_host_ed25519_key"


def public(private: Path) -> str:
    """Return the public key, as `ssh-ed25519 AAAA…`."""
    return " ".join(private.with_name(f"{private.name}.pub").read_text().split()[:2])


def make(private: Path, comment: str, log: Path) -> None:
    """Make a key pair, unless it is there."""
    if private.exists():
        return
    private.parent.mkdir(parents=True, exist_ok=True)
    commands.logged(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(private)], log)
