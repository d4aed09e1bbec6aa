"""Debian packages: what the program needs, and how they are installed, for the lab too."""

import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from toolchain.failure import Failure
from toolchain.progress import run, say

NEEDED = (
    "ca-certificates",
    "python3-venv",
    "python3-psutil",  # the lab's commands run by Debian's Python
    "openssh-client",  # hosts, and Ansible's connection to them
    "qemu-utils",  # qemu-img: makes the images of the lab, the tests and the benchmark
    "qemu-block-extra",  # and qemu-img's way into RBD
    "python3-rados",
    "python3-rbd",
    "gcc",  # this and the next: python-ldap comes from PyPI as source
    "libc6-dev",
    "python3-dev",
    "libldap2-dev",
    "libsasl2-dev",
)
POLICY = Path("/usr/sbin/policy-rc.d")
APT = Path("/var/lib/apt")

Run = Callable[[Sequence[str], Mapping[str, str]], None]
"""Runs a command in an environment, and raises a Failure where it fails."""


@functools.cache
def versions() -> dict[str, str]:
    """Return the version of each package that is installed.

    Raises:
        Failure: this is no Debian.
    """
    query = shutil.which("dpkg-query")
    if query is None:
        raise Failure("dpkg-query is missing: the toolchain runs on Debian 12 and 13")
    shown = subprocess.run(
        [query, "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    rows = (line.split() for line in shown.splitlines())
    return {row[1]: row[2] for row in rows if row[0] == "installed"}


def missing(needed: Iterable[str] = NEEDED) -> list[str]:
    """Return the packages that are not installed."""
    return [package for package in needed if package not in versions()]


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let toolchain and lab install in turns: apt does not wait for another update, and each sets Debian's policy."""
    folder = os.open(APT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def daemons_kept_from_starting() -> Iterator[None]:
    """Let Debian's packages not start their daemons (invoke-rc.d asks this script; 101 means: not allowed).

    Whatever policy the machine had comes back, also after a failure.
    """
    kept = POLICY.with_name("policy-rc.d.before-lab")
    if POLICY.exists() and not kept.exists():
        POLICY.rename(kept)
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
        if kept.exists():
            kept.rename(POLICY)


def install_missing(needed: Iterable[str], run: Run) -> list[str]:
    """Install by RUN what is missing, and nothing else; return what that was.

    Raises:
        Failure: something is missing and this is not root, or apt failed.
    """
    lacking = missing(needed)
    if not lacking:
        return []
    if os.geteuid() != 0:
        raise Failure(
            "Debian packages are missing and only root may install them: run "
            f"apt-get install --no-install-recommends {' '.join(lacking)}"
        )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ["-o", "DPkg::Lock::Timeout=600"]
    with one_at_a_time(), daemons_kept_from_starting():
        run(["apt-get", "update", "-q", *wait], quiet)
        run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *wait, *lacking], quiet)
    versions.cache_clear()
    return lacking


def install(logs: Path) -> None:
    """Install what the program needs and is missing; see `install_missing`."""

    def shown(command: Sequence[str], environment: Mapping[str, str]) -> None:
        label = f"Debian packages, apt-get {command[1]}"
        run(command, label, logs / f"apt-{command[1]}.log", env=environment, holds_lock=False)

    if not install_missing(NEEDED, shown):
        say(f"{len(NEEDED)} Debian packages: all there")
