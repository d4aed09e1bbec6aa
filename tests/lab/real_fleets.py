"""A fleet on lab-qemu, whose servers boot: what its stack declares, and what Nova has of it."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import image as lab_image
from lab.guest import image as guest
from lab.qemu.host import TRAIT, ZONE
from lab.settings import Lab
from tests.lab.fleets import image
from tests.lab.guests import skip_without_qemu
from tests.lab.own_stack import OwnStack, own_stack


def config(
    lab: Lab, base: Path, suffix: str, *, vlan: int, subnet: str, fleet: dict[str, Any]
) -> dict[str, Any]:
    """FLEET, and all that it is made of.

    Its image is good-SUFFIX; broken-SUFFIX does not boot. Its flavor is tiny-SUFFIX; big-SUFFIX has more memory.

    Args:
        lab: whose cloud.
        base: a folder of the test's own, for the broken image.
        suffix: of all names.
        vlan: the network's.
        subnet: the first three bytes of its addresses, such as ``10.94.6``.
        fleet: its keys besides project, image, flavor and networks.
    """
    place = {"project": f"tests-{suffix}", "domain": "Default"}
    _, file = (guest.folder(lab) / "SHA256SUMS").read_text().split()
    broken = base / "broken.raw"
    broken.write_bytes(secrets.token_bytes(1 << 20))
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": place["project"], "domain": "Default"}],
        "networks": [
            {
                "name": f"vms-{suffix}",
                "segments": [{"physical_network": "physnet1", "vlan": vlan}],
                "availability_hints": [ZONE],
                "shared_with": [place],
                "subnets": [{"name": f"vms-v4-{suffix}", "cidr": f"{subnet}.0/24", "gateway": f"{subnet}.1"}],
            }
        ],
        "flavors": [
            {
                "name": f"{name}-{suffix}",
                "vcpus": 1,
                "ram_mb": ram,
                "disk_gb": 1,
                "extra_specs": {f"trait:{TRAIT}": "required"},
            }
            for name, ram in (("tiny", 128), ("big", 160))
        ],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"},
        "images": [
            image(f"good-{suffix}", guest.folder(lab) / file)
            | {"source_format": "qcow2", "properties": {"build_digest": guest.digest(lab)}},
            image(f"broken-{suffix}", broken)
            | {"properties": {"build_digest": "never-shown", "os_shutdown_timeout": "2"}},
        ],
        "fleets": [
            {
                "project": {"name": place["project"], "domain": "Default"},
                "image": f"good-{suffix}",
                "flavor": f"tiny-{suffix}",
                "networks": [f"vms-{suffix}"],
                **fleet,
            }
        ],
    }


def other_guest(lab: Lab, base: Path, suffix: str, kind: str) -> dict[str, Any]:
    """KIND-SUFFIX, an image of the tiny guest: one that PANICS, or ANOTHER than its build_digest says."""
    _, file = (guest.folder(lab) / "SHA256SUMS").read_text().split()
    disk = base / f"{kind}.raw"
    command(base, "qemu-img", "convert", "-O", "raw", str(guest.folder(lab) / file), str(disk))
    if kind == "panics":
        (base / "init").write_text("#!/busybox sh\n")  # it ends, which Linux does not forgive
        (base / "init").chmod(0o755)
        (base / "busybox").write_bytes(guest.BUSYBOX.read_bytes())
        (base / "busybox").chmod(0o755)
        command(base, "sh", "-c", "printf 'init\nbusybox\n' | ./busybox cpio -o -H newc > initrd")
        changes = ["rm /initrd.img", "write initrd /initrd.img"]
    else:
        changes = ["mkdir another"]  # other bytes, or it would be the same image
    for change in changes:
        command(base, "/sbin/debugfs", "-w", "-R", change, f"{disk}?offset={lab_image.PARTITION}")
    properties = {"build_digest": f"of-{kind}", "os_shutdown_timeout": "2"}  # some heed no power button
    return image(f"{kind}-{suffix}", disk) | {"properties": properties}


def command(folder: Path, *words: str) -> None:
    """Run it in FOLDER."""
    subprocess.run(words, cwd=folder, check=True, capture_output=True)


class RealFleet:
    """The stack, and what is declared."""

    def __init__(self, lab: Lab, stack: OwnStack, declared: dict[str, Any]) -> None:
        self.lab, self.stack, self.config = lab, stack, declared

    def declare(self, **keys: Any) -> None:
        """Another fleet than before."""
        self.config["fleets"][0].update(keys)
        self.stack.declare(self.config)

    def servers(self) -> dict[str, Any]:
        """By name, as Nova has them."""
        (project_id,) = (project["id"] for project in self.stack.outputs["projects"].values())
        found = self.stack.admin.compute.servers(all_projects=True, project_id=project_id)
        return {server.name: server for server in found}

    def boots(self) -> dict[str, str]:
        """The boot that each server has proved."""
        return {name: one.metadata["private_cloud_proved"] for name, one in self.servers().items()}

    def rebuilds(self) -> dict[str, int]:
        """How often each server was rebuilt, ever."""
        compute = self.stack.admin.compute
        return {
            name: [action.action for action in compute.server_actions(server)].count("rebuild")
            for name, server in self.servers().items()
        }


@contextmanager
def real_fleet(lab: Lab, folder: Path, declared: dict[str, Any]) -> Iterator[RealFleet]:
    """What is DECLARED, up; destroyed afterwards."""
    skip_without_qemu(lab)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        with own_stack(folder, declared) as stack:
            yield RealFleet(lab, stack, declared)
