"""A simulated host as one of the lab's daemons: it boots when started, and shuts down in order when stopped."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab.configuration import File
from lab.daemon import Daemon, UnhealthyError
from lab.hosts import control_groups, keys, root
from lab.hosts.host import PORT, USER, SimulatedHost

if TYPE_CHECKING:
    from lab.settings import Lab

BOOT = Path(__file__).with_name("boot.sh")
# What has to be up besides the SSH daemon before anybody uses the host.
QUESTION = "systemctl is-system-running; sudo -n docker version --format '{{.Server.Version}}'"


def of(host: SimulatedHost) -> Daemon:
    """Describe how the host runs."""
    script = File(host.folder.parent / "boot.sh", BOOT.read_text())
    return Daemon(
        name=host.name,
        # The namespace takes all mounts with it when the host ends.
        command=("unshare", "--mount", "--propagation", "private", "sh", str(script.path)),
        address=f"{host.address}:{PORT}",
        version=lambda: _debian(host.lab),
        check=lambda: check(host),
        environment={
            "HOST_NAME": host.name,
            "HOST_FOLDER": str(host.folder),
            "HOST_ROOT": str(host.lab.home / root.folder(host.lab).name),
            "HOST_NETWORK": host.namespace,
            "HOST_CGROUP": host.cgroup,
            "HOST_DISKS": " ".join(disk.name for disk in host.disks),
        },
        files=(script,),
        elsewhere=lambda: control_groups.processes(host.cgroup),
    )


def _debian(lab: Lab) -> str:
    try:
        return "Debian " + (root.folder(lab) / "etc/debian_version").read_text().strip()
    except FileNotFoundError:
        return "missing"


def known_hosts(lab: Lab) -> Path:
    """Where the hosts' keys are, for the lab's own logins."""
    return lab.etc / "hosts" / "known_hosts"


def ssh(host: SimulatedHost, command: str, *, timeout: float = 10) -> subprocess.CompletedProcess[str]:
    """Run a shell command on the host as its user."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "3",
        "IdentitiesOnly": "yes",
        "IdentityFile": keys.login_key(host.lab),
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": known_hosts(host.lab),
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return subprocess.run(
        ["ssh", "-F", "none", *words, "-p", str(PORT), f"{USER}@{host.address}", command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def check(host: SimulatedHost) -> str:
    """Ask the host over SSH for the state of its services."""
    try:
        done = ssh(host, QUESTION)
    except subprocess.TimeoutExpired:
        raise UnhealthyError("does not answer over SSH within 10 s") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise UnhealthyError(words[-1] if words else f"ssh ended with code {done.returncode}")
    state, engine = done.stdout.split()[:2]
    return f"{state}, docker {engine}"
