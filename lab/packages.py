"""Debian packages, and the virtual environment of the OpenStack services."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab import commands
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.settings import Lab

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
DEBIAN_PYTHON = "/usr/bin/python3"
POLICY = Path("/usr/sbin/policy-rc.d")
APT_LOCK = "/var/lib/apt"  # a folder that is there; toolchain/packages.py locks the same

# What each is for, so that a missing one can be explained. These make the services' environment, which is made while
# the others are still being installed.
FOR_THE_ENVIRONMENT: dict[str, str] = {
    "python3-rados": "Glance's way into Ceph",
    "python3-rbd": "Glance's way into Ceph",
    "python3-venv": "the OpenStack services' environment",
    "python3-dev": "building python-ldap, uWSGI and libvirt-python",
    "gcc": "building python-ldap, uWSGI and libvirt-python",
    "libc6-dev": "building python-ldap, uWSGI and libvirt-python",
    "libldap2-dev": "building python-ldap",
    "libsasl2-dev": "building python-ldap",
    "libvirt-dev": "building libvirt-python",
    "pkg-config": "building libvirt-python",
}
PACKAGES: dict[str, str] = FOR_THE_ENVIRONMENT | {
    "ceph-mon": "Ceph's monitor",
    "ceph-mgr": "Ceph's manager",
    "ceph-osd": "Ceph's OSDs",
    "ceph-common": "the programs ceph and rbd",
    "radosgw": "Ceph's object store",
    "curl": "requests to the object store",
    "mariadb-server": "the services' database",
    "memcached": "Keystone's cache",
    "rabbitmq-server": "the services' message broker",
    "erlang-base": "the message broker's runtime, and erlc",
    "slapd": "the company directory",
    "ldap-utils": "looking into the directory",
    "openssl": "the directory's certificates",
    "util-linux": "setpriv",
    "mmdebstrap": "the bootable image",
    "debian-archive-keyring": "the bootable image",
    "e2fsprogs": "the bootable image",
    "grub-common": "the bootable image's boot loader",
    "grub-pc-bin": "the bootable image's boot loader",
    "qemu-utils": "the bootable image",
    "qemu-system-x86": "the guests",
    "qemu-block-extra": "the guests' disks in Ceph",
    "libvirt-daemon": "the compute host lab-qemu",
    "libvirt-daemon-driver-qemu": "the compute host lab-qemu",
    "libvirt-clients": "asking libvirt",
    "genisoimage": "the guests' config drives",
    "dnsmasq-base": "DHCP for the guests",
    "iptables": "DHCP for the guests",
    "docker-registry": "the simulated hosts' images",
    "busybox-static": "what the fake images and the tiny guest run",
    "socat": "the proxy to the database on the simulated hosts' network",
    "openvswitch-switch": "the hosts' links, and the switches at their other ends",
    "ethtool": "this machine's link to the hosts",
    "iproute2": "the hosts' links",
    "openssh-client": "logging in to the hosts",
    "systemd-container": "the hosts, each with a systemd of its own",
}
DAEMONS_OF_DEBIAN = {
    "mariadb-server": "mariadb",
    "memcached": "memcached",
    "slapd": "slapd",
    "ceph-mon": "ceph-crash",
    "radosgw": "ceph-radosgw.target",
    "rabbitmq-server": "rabbitmq-server",
    "erlang-base": "epmd.socket",
    "docker-registry": "docker-registry",
    "openvswitch-switch": "openvswitch-switch",
}


@functools.cache
def versions() -> dict[str, str]:
    """Return the installed version of each of our packages."""
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n", *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    rows = (line.split() for line in shown.splitlines())
    return {row[1]: row[2] for row in rows if row[0] == "installed"}


def version(package: str) -> str:
    """Return a package's upstream version, or "missing"."""
    upstream = versions().get(package, "missing").rpartition(":")[2]
    return re.split(r"[-+]", upstream)[0]


def missing(wanted: Iterable[str] = PACKAGES) -> list[str]:
    """Name those of the wanted packages that are not installed."""
    return [name for name in wanted if name not in versions()]


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


def install_debian(log: Path, packages: Iterable[str] = PACKAGES) -> bool:
    """Install those of the packages that are missing; say whether anything was."""
    wanted = missing(packages)
    if not wanted:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    # The toolchain may be installing at the same time, and apt does not wait for another `apt-get update`.
    apt_get = ["flock", "--close", APT_LOCK, "apt-get", "-o", "DPkg::Lock::Timeout=600"]
    commands.logged([*apt_get, "update"], log, environment=environment)
    command = [*apt_get, "install", "-y", "--no-install-recommends", *wanted]
    with daemons_kept_from_starting():
        commands.logged(command, log, environment=environment, timeout=1800)
    if shutil.which("systemctl"):
        # The lab runs its own: Debian's instances shall not come up at the next boot either.
        units = [unit for package, unit in DAEMONS_OF_DEBIAN.items() if package in wanted]
        for unit in units:
            commands.logged(["systemctl", "disable", unit], log)
    versions.cache_clear()
    return True


def digest() -> str:
    """Tell one environment from another: requirements and interpreter."""
    python = Path(DEBIAN_PYTHON).resolve().name
    return hashlib.sha256(REQUIREMENTS.read_bytes() + python.encode()).hexdigest()


def venv_is_current(lab: Lab) -> bool:
    """Whether the environment is whole and made from the present requirements."""
    marker = lab.venv / "made-from"
    return marker.exists() and marker.read_text().strip() == digest()


def install_venv(lab: Lab, log: Path) -> bool:
    """Make the environment of the OpenStack services; say whether anything was done."""
    if venv_is_current(lab):
        return False
    marker = lab.venv / "made-from"
    marker.unlink(missing_ok=True)
    commands.logged([DEBIAN_PYTHON, "-m", "venv", "--clear", str(lab.venv)], log)
    python = str(lab.venv / "bin" / "python")
    with tempfile.TemporaryDirectory() as elsewhere:
        environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "TMPDIR": elsewhere}
        pip = [python, "-m", "pip", "install", "--no-input"]
        commands.logged([*pip, "-r", str(REQUIREMENTS)], log, environment=environment, timeout=1800)
    link_debian_modules(lab)
    marker.write_text(digest() + "\n")
    return True


def link_debian_modules(lab: Lab) -> None:
    """Link Debian's rados and rbd into the environment: they are not on PyPI."""
    site = next((lab.venv / "lib").glob("python3.*/site-packages"))
    for name in ("rados", "rbd"):
        found = sorted(Path("/usr/lib/python3/dist-packages").glob(f"{name}.cpython-*.so"))
        if not found:
            raise LabError(f"python3-{name} has no module for {DEBIAN_PYTHON}: the lab needs Debian 12's.")
        link = site / found[0].name
        link.unlink(missing_ok=True)
        link.symlink_to(found[0])


def link_programs(lab: Lab) -> None:
    """Put what a person may want from the environment, and no more, on the PATH that `env` prints."""
    for name in ("openstack",):
        link = lab.binaries / name
        link.unlink(missing_ok=True)
        link.symlink_to(lab.venv / "bin" / name)
