"""The official release of the Pulumi engine, from its own address or a company's mirror of it."""

import hashlib
import os
import platform
import ssl
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from toolchain.failure import Failure, Unavailable
from toolchain.progress import PULSE, duration, say

# Set it to an internal mirror that has the same layout: BASE/vX.Y.Z/pulumi-vX.Y.Z-linux-x64.tar.gz
ADDRESS_VARIABLE = "TOOLCHAIN_PULUMI_RELEASES"
ADDRESS = "https://github.com/pulumi/pulumi/releases/download"
# Seconds until a host that does not answer counts as out of reach.
PATIENCE = 10

PROGRAMS = (
    "pulumi",
    "pulumi-language-python",
    "pulumi-language-python-exec",
    "pulumi-resource-pulumi-python",
)
_MACHINES = {"x86_64": "x64", "aarch64": "arm64"}
_PIECE = 1 << 20


def address() -> str:
    """Return the base address of the releases."""
    return os.environ.get(ADDRESS_VARIABLE, ADDRESS).rstrip("/")


def fetch(version: str, folder: Path) -> None:
    """Put the verified programs of a release into a folder.

    Raises:
        Unavailable: the address cannot be reached, or has no such release.
        Failure: what came is not what the release's own checksum list says. Nothing else is tried then.
    """
    base = f"{address()}/v{version}"
    archive = f"pulumi-v{version}-linux-{_machine()}.tar.gz"
    wanted = _listed(_text(f"{base}/pulumi-{version}-checksums.txt"), archive, base)
    path = folder / archive
    found = _download(f"{base}/{archive}", path)
    if found != wanted:
        path.unlink()
        raise Failure(
            f"{base}/{archive} is not what was released: its SHA-256 is {found}, the release's checksum list "
            f"says {wanted}; nothing was installed, find out what changed it on the way"
        )
    _extract(path, folder)
    path.unlink()


def reachable(url: str) -> str | None:
    """Return why a host does not answer, or None if it does, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):  # noqa: S310 - addresses are this file's or the operator's
            return None
    except urllib.error.HTTPError:
        return None
    except (OSError, ValueError) as error:
        return _reason(url, error)


def _machine() -> str:
    try:
        return _MACHINES[platform.machine()]
    except KeyError:
        raise Unavailable(f"there is no release for {platform.machine()}") from None


def _reason(url: str, error: Exception) -> str:
    host = url.split("/")[2] if url.count("/") > 1 else url
    if isinstance(error, urllib.error.HTTPError):
        return f"{url} answers {error.code} {error.reason}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"{host} does not answer within {PATIENCE} s"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{host} shows a certificate that is not trusted here ({cause.verify_message})"
    return f"{host} cannot be reached ({getattr(cause, 'strerror', None) or cause})"


def _text(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - see above
            return str(answer.read(_PIECE).decode())
    except (OSError, ValueError) as error:
        raise Unavailable(_reason(url, error)) from error


def _listed(checksums: str, archive: str, base: str) -> str:
    for line in checksums.splitlines():
        digest, _, name = line.partition(" ")
        if name.strip().lstrip("*") == archive:
            return digest.lower()
    raise Failure(f"the checksum list at {base} has no line for {archive}: nothing unverified is installed")


def _download(url: str, path: Path) -> str:
    """Download to a file; return the SHA-256 of what came."""
    digest = hashlib.sha256()
    started = last_line = time.monotonic()
    done = 0
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer, path.open("wb") as output:  # noqa: S310
            total = int(answer.headers.get("Content-Length") or 0)
            say(f"downloading {url} ({total >> 20} MiB) …")
            while piece := answer.read(_PIECE):
                digest.update(piece)
                output.write(piece)
                done += len(piece)
                if time.monotonic() - last_line > PULSE:
                    last_line = time.monotonic()
                    say(f"downloading: {done >> 20} of {total >> 20} MiB, {duration(last_line - started)}")
    except (OSError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise Unavailable(_reason(url, error)) from error
    if total and done != total:
        path.unlink(missing_ok=True)
        raise Unavailable(f"{url} broke off after {done} of {total} bytes")
    return digest.hexdigest()


def _extract(archive: Path, folder: Path) -> None:
    """Write the programs this project uses, by name: no path in the archive is followed."""
    with tarfile.open(archive) as packed:
        for program in PROGRAMS:
            try:
                member = packed.extractfile(f"pulumi/{program}")
            except KeyError:
                member = None
            if member is None:
                raise Failure(
                    f"{archive.name} has no pulumi/{program}: this is no release of Pulumi's engine"
                )
            path = folder / program
            with member, path.open("wb") as output:
                while piece := member.read(_PIECE):
                    output.write(piece)
            path.chmod(0o755)
