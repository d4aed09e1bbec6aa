"""The Debian root that all simulated hosts share as their read-only lowest layer."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab import commands, image

if TYPE_CHECKING:
    from lab.settings import Lab

PACKAGES = (
    *("systemd-sysv", "libpam-systemd", "dbus", "kmod", "openssh-server", "sudo", "ca-certificates"),
    *("python3", "python3-docker", "python3-dbus", "docker.io", "openvswitch-switch", "chrony"),
    *("lvm2", "gdisk", "fdisk", "iproute2", "iputils-ping", "ethtool", "procps", "jq", "libcap2-bin", "less"),
    *("iptables", "nftables", "tcpdump", "curl"),
)
# Ansible connects as this user, like on a host that was installed from a kickstart.
CUSTOMIZE = r"""set -e
useradd --create-home --shell /bin/bash --uid 1000 kolla
echo 'kolla ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/kolla
chmod 0440 /etc/sudoers.d/kolla
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
rm -rf /var/lib/openvswitch/* /etc/openvswitch/conf.db /etc/openvswitch/system-id.conf
: > /etc/machine-id
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer systemd-networkd.service systemd-resolved.service systemd-udevd.service systemd-udev-trigger.service \
  systemd-sysctl.service lvm2-monitor.service lvm2-lvmpolld.socket
systemctl enable ssh.service docker.service containerd.service openvswitch-switch.service
"""


def recipe() -> str:
    """Tell one way of making the root from another: this file."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def folder(lab: Lab) -> Path:
    """Where the root is; another recipe makes another folder, so that nothing changes under a running host."""
    return lab.folder / f"host-root-{recipe()[:8]}"


def ensure(lab: Lab) -> None:
    """Make the root, unless it is there; the finished one takes its place in one move."""
    if folder(lab).exists():
        return
    for left in lab.folder.glob(".making-root-*"):
        image.remove(left)
    making = Path(tempfile.mkdtemp(prefix=".making-root-", dir=lab.folder))
    try:
        making.chmod(0o755)
        root = making / "root"
        debootstrap(root, making / "customize", lab.log / "make-host-root.log")
        root.rename(folder(lab))
    finally:
        image.remove(making)


def remove_former(lab: Lab) -> None:
    """Remove roots that no host is made from any more."""
    for found in lab.folder.glob("host-root-*"):
        if found != folder(lab):
            image.remove(found)


def debootstrap(root: Path, customize: Path, log: Path) -> None:
    """Make the root with mmdebstrap, which starts no daemon of what it installs."""
    customize.write_text(f'#!/bin/sh\nexec chroot "$1" /bin/sh <<"END"\n{CUSTOMIZE}END\n')
    customize.chmod(0o755)
    command = ["nice", "mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in image.UNUSED]
    command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    command += [f"--customize-hook={customize}", image.SUITE, str(root), *image.sources()]
    commands.logged(command, log, environment=os.environ | {"LC_ALL": "C.UTF-8"}, timeout=1800)
