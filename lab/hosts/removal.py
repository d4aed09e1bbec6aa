"""Removal of what the kernel keeps of the simulated hosts after their processes have ended."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import control_groups, fabric
from lab.hosts.host import SimulatedHost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.settings import Lab

PROPAGATION = Path("/run/systemd/nspawn/propagate")


def remove(lab: Lab) -> None:
    """Remove network namespaces with their links, loop devices and control groups of all this lab's hosts and switches."""
    if not (fabric.folder(lab).exists() or (lab.folder / "data" / "hosts").exists()):
        return  # this machine may not even have the programs
    everything = f"lab-{lab.digest}-"
    control_groups.end(everything)
    if fabric.machine_link(lab) in fabric.interfaces(None):
        # With the namespace of its other end it would go too, but some time after the command has ended.
        subprocess.run(["ip", "link", "delete", fabric.machine_link(lab)], check=True, capture_output=True)
    for name in sorted(fabric.namespaces()):
        if name.startswith(everything):
            delete_namespace(name)
    for device in loop_devices(lab.folder / "data" / "hosts"):
        detach(device)
    forget_propagation(everything)


def remove_others(lab: Lab, staying: Sequence[SimulatedHost]) -> None:
    """Remove hosts that were asked for earlier and are not any more, with all they had."""
    for folder in sorted((lab.folder / "data" / "hosts").glob("lab-host-*")):
        host = SimulatedHost(lab, int(folder.name.rpartition("-")[2]))
        if host in staying:
            continue
        empty(host)
        if host.namespace in fabric.namespaces():
            delete_namespace(host.namespace)
        shutil.rmtree(host.folder)
        forget_propagation(host.cgroup)


def empty(host: SimulatedHost) -> None:
    """Delete everything that a stopped host has written, also to its disks; its keys stay."""
    control_groups.end(host.cgroup)
    for device in loop_devices(host.folder):
        detach(device)
    for name in ("upper", "work", "docker", "disks"):
        shutil.rmtree(host.folder / name, ignore_errors=True)


def delete_namespace(name: str) -> None:
    """Delete a network namespace; both ends of the links in it go with it."""
    subprocess.run(["ip", "netns", "delete", name], check=True, capture_output=True)


def detach(device: str) -> None:
    """Detach a loop device from its file."""
    subprocess.run(["losetup", "--detach", device], check=True, capture_output=True)


def forget_propagation(prefix: str) -> None:
    """Remove the folders by which systemd-nspawn passes mounts on, where /run is a disk and it would not."""
    for folder in PROPAGATION.glob(f"{prefix}*"):
        folder.rmdir()


def loop_devices(folder: Path) -> list[str]:
    """List the loop devices behind files in a folder."""
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if Path(backing.read_text().strip()).is_relative_to(folder.resolve()):
                found.append(f"/dev/{backing.parts[3]}")
    return found
