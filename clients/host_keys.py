"""Public SSH keys of hosts: what a host shows now, fingerprints, and lines of known_hosts."""

import base64
import binascii
import hashlib
import os
import subprocess
from pathlib import Path

from clients import regular_file
from clients.errors import CloudError

SSH_PORT = 22
_KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")


def shown(address: str, port: int, timeout: float) -> str | None:
    """The key that the SSH server there shows now, as ``TYPE BASE64``: its best one, Ed25519 first.

    None where no SSH server answers within ``timeout`` seconds. Nothing proves the key.
    """
    try:
        done = subprocess.run(
            ["ssh-keyscan", "-T", str(max(1, int(timeout))), "-p", str(port), "--", address],
            capture_output=True,
            check=False,
            text=True,
            timeout=timeout * 2,
            env=os.environ | {"LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return None
    lines = [line.split() for line in done.stdout.splitlines() if not line.startswith("#")]
    keys = {line[1]: line[2] for line in lines if len(line) == 3}  # noqa: PLR2004 - address, type, base64
    return next((f"{kind} {keys[kind]}" for kind in _KINDS if kind in keys), None)


def fingerprint(key: str) -> str:
    """SHA256:… of a public key ``TYPE BASE64[ COMMENT]``, as ssh shows it."""
    try:
        blob = base64.b64decode(key.split()[1], validate=True)
    except (IndexError, binascii.Error):
        raise CloudError(
            f"{key!r} is not a public SSH key; give its type and its base64, such as 'ssh-ed25519 AAAA…'"
        ) from None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def pin(address: str, port: int, key: str) -> str:
    """The line of known_hosts that pins a key for that address, without the key's comment."""
    name = address if port == SSH_PORT else f"[{address}]:{port}"
    return f"{name} {' '.join(key.split()[:2])}\n"


def pinned(known_hosts_file: Path) -> list[str]:
    """The keys in a file of such lines, as ``TYPE BASE64``; none where it is not there."""
    try:
        lines = regular_file.text(known_hosts_file, errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CloudError(
            f"the pinned keys in {known_hosts_file} cannot be read ({error.strerror}); it is made by this program: "
            "remove it and run this again"
        ) from None
    return [line.partition(" ")[2] for line in lines if line.strip() and not line.startswith("#")]
