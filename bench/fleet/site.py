"""What all ways share: one stack with the network, the flavors, the image and the project that the servers belong to."""

from __future__ import annotations

import os
import secrets
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from bench.engine.run import Command
from bench.engine.ways import CHECKOUT, PARTS
from lab.guest import image as guest
from lab.qemu.host import TRAIT, ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from openstack.connection import Connection

    from lab.settings import Lab

STACK = "bench"
VLAN = 647
NAME = "bench-fleet"
FLEET = "bench"
CLOUD = "bench-fleet"
"""The entry of clouds.yaml that is the administrator in the servers' own project."""


def clouds(text: str, address: str, proxy: str) -> str:
    """The lab's clouds.yaml TEXT with that entry, whose services are all behind the proxy."""
    found = yaml.safe_load(text)
    own = deepcopy(found["clouds"]["lab-admin"])
    own["auth"]["project_name"] = NAME
    found["clouds"][CLOUD] = own
    return str(yaml.safe_dump(found)).replace(f"//{address}:", f"//{proxy}:")


def config(lab: Lab) -> dict[str, Any]:
    """The stack file without a fleet."""
    digest, file = (guest.folder(lab) / "SHA256SUMS").read_text().split()
    place = {"project": NAME, "domain": "Default"}
    compute = dict.fromkeys(("instances", "cores", "ram_mb"), "unlimited")
    quota = {"compute": compute, "network": {"ports": "unlimited"}}
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": NAME, "domain": "Default", "quota": quota}],
        "grants": [{"role": "admin", "user": {"name": "admin", "domain": "Default"}, "scope": place}],
        "networks": [
            {
                "name": NAME,
                "segments": [{"physical_network": "physnet1", "vlan": VLAN}],
                "availability_hints": [ZONE],
                "shared_with": [place],
                "subnets": [{"name": f"{NAME}-v4", "cidr": "10.94.8.0/23", "gateway": "10.94.8.1"}],
            }
        ],
        "flavors": [
            {
                "name": f"{NAME}-real",
                "vcpus": 1,
                "ram_mb": 128,
                "disk_gb": 1,
                "extra_specs": {f"trait:{TRAIT}": "required"},
            },
            {"name": f"{NAME}-fake", "vcpus": 1, "ram_mb": 64, "disk_gb": 1},
        ],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"},
        "images": [
            {
                "name": NAME,
                "source": str(guest.folder(lab) / file),
                "source_format": "qcow2",
                "sha256": digest,
                "visibility": "community",
                "properties": {"build_digest": guest.digest(lab)},
            }
        ],
    }


def fleet(count: int, *, real: bool) -> dict[str, Any]:
    """A fleet; on the fake driver in one wave, where ACTIVE is all there is to see."""
    kind = "real" if real else "fake"
    update = {"canary": 1, "waves": [25, 100], "max_unavailable": 5, "bake_s": 0}
    at_once = {"canary": 0, "waves": [100], "max_unavailable": count, "bake_s": 0}
    return {
        "name": FLEET,
        "project": {"name": NAME, "domain": "Default"},
        "count": count,
        "image": NAME,
        "flavor": f"{NAME}-{kind}",
        "networks": [NAME],
        "update": update if real else at_once,
        "probe": {"console": real, "within_s": 600},
    }


@dataclass
class Site:
    """The stack, and where it is.

    Attributes:
        lab: whose cloud.
        folder: empty, for this run alone.
        clouds: the file that leads to the counting proxy.
    """

    lab: Lab
    folder: Path
    clouds: Path
    passphrase: str = field(default_factory=secrets.token_hex)

    def __post_init__(self) -> None:
        for name in ("project", "state"):
            (self.folder / name).mkdir()
        for part in PARTS:
            (self.folder / "project" / part).symlink_to(CHECKOUT / part)
        self.pulumi("stack", "init").run()

    @property
    def environment(self) -> Mapping[str, str]:
        """Of all ways."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "TF_"))}
        return kept | {
            "OS_CLIENT_CONFIG_FILE": str(self.clouds),
            "CEPH_CONF": str(self.lab.ceph_conf),
            "PULUMI_BACKEND_URL": (self.folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": self.passphrase,
            "PYTHONWARNINGS": "ignore",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        }

    def pulumi(self, *arguments: str, says: tuple[str, ...] = ()) -> Command:
        """A command of this program."""
        return Command(
            ("pulumi", *arguments, "--stack", STACK), self.folder / "project", self.environment, says
        )

    def declare(self, **more: object) -> None:
        """Write the stack file."""
        written = self.folder / "project" / f"Pulumi.{STACK}.yaml"
        salt = yaml.safe_load(written.read_text(encoding="utf-8")).get("encryptionsalt")
        keys = {f"private-cloud:{key}": value for key, value in (config(self.lab) | more).items()}
        text = yaml.safe_dump({"encryptionsalt": salt, "config": deepcopy(keys)}, sort_keys=False)
        written.write_text(text, encoding="utf-8")

    def up(self, **more: object) -> None:
        """Declare and make it so."""
        self.declare(**more)
        self.pulumi("up", "--yes", "--skip-preview").run()

    def publish(self, conn: Connection) -> None:
        """Have every way find the image by its name, which the account that imports it may not; an `up` takes it back."""
        for image in conn.image.images(name=NAME, visibility="community"):
            conn.image.update_image(image.id, visibility="public")
