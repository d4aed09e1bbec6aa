"""Debian packages that the program itself needs; the lab has its own list."""

import os
import shutil
import subprocess
from pathlib import Path

from toolchain.failure import Failure
from toolchain.progress import run, say

NEEDED = (
    "ca-certificates",
    "python3-venv",
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
APT_LOCK = "/var/lib/apt"  # a folder that is there; lab/packages.py locks the same


def missing(needed: tuple[str, ...] = NEEDED) -> list[str]:
    """Return the packages that are not installed.

    Raises:
        Failure: this is no Debian.
    """
    query = shutil.which("dpkg-query")
    if query is None:
        raise Failure("dpkg-query is missing: the toolchain runs on Debian 12 and 13")
    answer = subprocess.run(
        [query, "-W", "-f", "${Package} ${db:Status-Status}\n", *needed],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    installed = {line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in needed if package not in installed]


def install(logs: Path) -> None:
    """Install what is missing, and nothing else.

    Raises:
        Failure: something is missing and this is not root, or apt failed.
    """
    lacking = missing()
    if not lacking:
        say(f"{len(NEEDED)} Debian packages: all there")
        return
    if os.geteuid() != 0:
        raise Failure(
            "Debian packages are missing and only root may install them: run "
            f"apt-get install --no-install-recommends {' '.join(lacking)}"
        )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # The lab may be installing at the same time, and apt does not wait for another `apt-get update`.
    apt_get = ["flock", "--close", APT_LOCK, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    run(
        [*apt_get, "update"],
        "list of Debian packages",
        logs / "apt-update.log",
        env=quiet,
        holds_lock=False,
    )
    run(
        [*apt_get, "install", "-y", "--no-install-recommends", *lacking],
        f"Debian packages {', '.join(lacking)}", logs / "apt-install.log", env=quiet, holds_lock=False,
    )  # fmt: skip
