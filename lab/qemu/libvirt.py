"""libvirtd on lab-qemu: QEMU without hardware's help, guests as root, and Nova's key for Ceph.

Neither systemd, D-Bus, udev nor virtlogd are needed. See https://libvirt.org/drvqemu.html.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lab import packages
from lab.configuration import File
from lab.daemon import Daemon, UnhealthyError
from lab.qemu import namespaces

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.settings import Lab

NAME = "libvirtd"
SECRET = "uuid/libvirt-secret"  # noqa: S105 - the name of one: by it nova-compute and libvirt mean the same key
VOLUMES_SECRET = "uuid/libvirt-secret-volumes"  # noqa: S105 - likewise, which Cinder names with each volume
# Guests run as root: there is nothing here that they could be kept from by a user of their own.
QEMU = """user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
"""


def folder(lab: Lab) -> Path:
    """Return what lab-qemu sees as /etc/libvirt."""
    return lab.etc / "libvirt"


def uri(lab: Lab) -> str:
    """Word the connection; the socket is where the lab's other ones are, and not in /run/libvirt."""
    return f"qemu+unix:///system?socket={lab.run}/libvirt/libvirt-sock"


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render libvirt's configuration, and the keys for Ceph as libvirt keeps them itself: Nova's, and Cinder's for volumes."""
    options = f'unix_sock_dir = "{lab.run}/libvirt"\nauth_unix_rw = "none"\n'
    keys: list[File] = []
    for name, user in ((SECRET, "client.nova"), (VOLUMES_SECRET, "client.cinder")):
        identity = secrets[name]
        secret = (
            f"<secret ephemeral='no' private='yes'><uuid>{identity}</uuid>"
            f"<usage type='ceph'><name>{user}</name></usage></secret>\n"
        )
        keys += [
            File(folder(lab) / "secrets" / f"{identity}.xml", secret),
            File(folder(lab) / "secrets" / f"{identity}.base64", secrets[f"cephx/{user}"]),
        ]
    return (File(folder(lab) / "libvirtd.conf", options), File(folder(lab) / "qemu.conf", QEMU), *keys)


def prepare(lab: Lab) -> None:
    """Make libvirt's folders."""
    for path in (
        folder(lab) / "secrets",
        *(lab.data / "libvirt" / name for name in ("lib", "cache", "log")),
        lab.run / "libvirt",
    ):
        path.mkdir(parents=True, exist_ok=True)


def health(lab: Lab) -> str:
    """Ask libvirt for its guests."""
    command = ["virsh", "--quiet", "--connect", uri(lab), "list", "--name"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        raise UnhealthyError("no answer within 10 s") from None
    if done.returncode:
        raise UnhealthyError(done.stderr.strip().splitlines()[-1])
    return f"{len(done.stdout.split())} guests"


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the one daemon. Guests outlive it, and it finds them again."""
    return (
        Daemon(
            name=NAME,
            command=namespaces.inside(
                lab, "/usr/sbin/libvirtd", "--config", str(folder(lab) / "libvirtd.conf")
            ),
            address="-",
            version=lambda: packages.version("libvirt-daemon"),
            check=lambda: health(lab),
            environment=namespaces.environment(lab),
            files=files(lab, secrets),
        ),
    )
