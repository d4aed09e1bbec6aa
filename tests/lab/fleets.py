"""A fleet on Nova's fake driver: what its stack declares, and what Nova has of it."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.settings import Lab
from tests.lab.own_stack import STACK, OwnStack, own_stack

COUNT = 8
VLAN = 955
SFX = f"t{secrets.token_hex(3)}"
PLACE = {"project": f"tests-{SFX}", "domain": "Default"}
NETWORK = f"vms-{SFX}"
FLEET = f"nightly-{SFX}"


def image(name: str, source: Path) -> dict[str, Any]:
    """An image of a file of bytes."""
    return {
        "name": name,
        "source": str(source),
        "source_format": "raw",
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "visibility": "community",
    }


def config(base: Path, vlan: int = VLAN, subnet: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """The fleet with other KEYS, and all that it is made of; files that run side by side need a VLAN each."""
    source = base / "disk.raw"
    for name in ("disk.raw", "second.raw"):
        source.with_name(name).write_bytes(secrets.token_bytes(1 << 20))
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [
            {
                "name": PLACE["project"],
                "domain": "Default",
                "undeclared_grants": "remove",
                "quota": {"compute": {"instances": 40}, "network": {"ports": 60}},
            }
        ],
        "networks": [
            {
                "name": NETWORK,
                "segments": [{"physical_network": "physnet1", "vlan": vlan}],
                "shared_with": [PLACE],
                "subnets": [{"name": f"{NETWORK}-v4", **(subnet or {"cidr": "10.195.0.0/24"})}],
            }
        ],
        "security_groups": [
            {"name": "ssh", **PLACE, "ingress": [{"protocol": "tcp", "ports": 22, "remote": "10.0.0.0/8"}]}
        ],
        "flavors": [
            {
                "name": f"{name}-{SFX}",
                "vcpus": 1,
                "ram_mb": ram,
                "disk_gb": 1,
                "public": False,
                "projects": [PLACE],
            }
            for name, ram in (("small", 64), ("big", 128))
        ],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"},
        "images": [image(f"first-{SFX}", source), image(f"second-{SFX}", source.with_name("second.raw"))],
        "fleets": [
            {
                "name": FLEET,
                "project": {"name": PLACE["project"], "domain": "Default"},
                "count": COUNT,
                "image": f"first-{SFX}",
                "flavor": f"small-{SFX}",
                "networks": [NETWORK],
                "security_groups": ["ssh"],
                "update": {"bake_s": 0, "max_unavailable": COUNT},
                "metadata": {"team": "tests"},
                **keys,
            }
        ],
    }


@dataclass
class Fleet:
    """The stack, and what is declared."""

    stack: OwnStack
    config: dict[str, Any]

    @property
    def project_id(self) -> str:
        """The id of the fleet's project."""
        return str(self.stack.outputs["projects"][f"{PLACE['project']}@Default"]["id"])

    @property
    def servers(self) -> dict[str, Any]:
        """The project's servers by their names, as Nova has them."""
        found = list(self.stack.admin.compute.servers(all_projects=True, project_id=self.project_id))
        by_name = {server.name: server for server in found}
        assert len(by_name) == len(found)
        return by_name

    @property
    def ports(self) -> dict[str, Any]:
        """The project's ports by their names."""
        return {port.name: port for port in self.stack.admin.network.ports(project_id=self.project_id)}

    def declare(self, **keys: Any) -> None:
        """Another fleet than before."""
        self.config["fleets"][0].update(keys)
        self.stack.declare(self.config)

    def begun(self, recreate: str) -> bool:
        """Whether a server is made anew for this text of `recreate`."""
        found = self.stack.admin.compute.servers(all_projects=True, project_id=self.project_id)
        return any(server.metadata.get("private_cloud_recreate") == recreate for server in found)

    def plan(self) -> dict[str, str]:
        """What a preview says is to do, by server."""
        printed = self.stack.program.succeed("preview", "--json", "--stack", STACK)
        (step,) = (
            one for one in json.loads(printed)["steps"] if one["urn"].endswith(f"ServerFleet::{FLEET}")
        )
        return {} if step["op"] == "same" else dict(step["newState"]["inputs"]["plan"])

    def identity(self) -> dict[str, tuple[str, str]]:
        """Id and address of each server."""
        return {
            name: (server.id, server.addresses[NETWORK][0]["addr"]) for name, server in self.servers.items()
        }


def member(number: int) -> str:
    """Its name."""
    return f"{FLEET}-{number:02d}"


@contextmanager
def fake_fleet(base: Path, lab: Lab, declared: dict[str, Any]) -> Iterator[Fleet]:
    """What is DECLARED, up; destroyed afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        with own_stack(base / "stack", declared) as stack:
            yield Fleet(stack, declared)
