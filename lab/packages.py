"""Debian packages, and the virtual environment of the OpenStack services."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab import commands
from toolchain import packages, venv

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.settings import Lab

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
# What each is for, so that a missing one can be explained. These make the services' environment, which is made while
# the others are still being installed.
FOR_THE_ENVIRONMENT: dict[str, str] = {
    "python3-rados": "Glance's way into Ceph",
    "python3-rbd": "Glance's way into Ceph",
    "python3-psutil": "asking for processes, ports and mounts",
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


def version(package: str) -> str:
    """Return a package's upstream version, or "missing"."""
    upstream = packages.versions().get(package, "missing").rpartition(":")[2]
    return re.split(r"[-+]", upstream)[0]


def install_debian(log: Path, wanted: Iterable[str] = PACKAGES) -> None:
    """Install those of the packages that are missing; the lab runs its own of their daemons."""
    installed = packages.install_missing(
        wanted, lambda command, env: commands.logged(command, log, environment=env, timeout=1800)
    )
    if shutil.which("systemctl"):  # Debian's instances shall not come up at the next boot either
        for unit in (unit for package, unit in DAEMONS_OF_DEBIAN.items() if package in installed):
            commands.logged(["systemctl", "disable", unit], log)


def key(lab: Lab) -> str:
    """Tell one environment of the OpenStack services from another: by its requirements and its interpreter."""
    return venv.key(lab.venv, [REQUIREMENTS])


def venv_is_current(lab: Lab) -> bool:
    """Whether the environment is whole and made from the present requirements."""
    return venv.is_current(lab.venv, [REQUIREMENTS])


def install_venv(lab: Lab, log: Path) -> None:
    """Make the environment of the OpenStack services, unless it is current."""
    with tempfile.TemporaryDirectory() as elsewhere:
        environment = os.environ | {"TMPDIR": elsewhere}

        def run(command: Sequence[str], _label: str) -> None:
            commands.logged(command, log, environment=environment, timeout=1800)

        if not venv_is_current(lab):
            venv.make(lab.venv, [REQUIREMENTS], "OpenStack services", run, finish=venv.link_debian_modules)


def link_programs(lab: Lab) -> None:
    """Put what a person may want from the environment, and no more, on the PATH that `env` prints."""
    for name in ("openstack",):
        link = lab.binaries / name
        link.unlink(missing_ok=True)
        link.symlink_to(lab.venv / "bin" / name)
