"""A fleet whose servers boot: its rollout is proved by what they say, and an image that does not boot costs one server."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.guest import image as guest
from lab.qemu.host import TRAIT, ZONE
from lab.settings import Lab
from tests.lab.guests import skip_without_qemu
from tests.lab.own_stack import STACK, OwnStack, own_stack

pytestmark = pytest.mark.xdist_group(name="qemu")

COUNT = 3
VLAN = 646
SFX = f"t{secrets.token_hex(3)}"
PLACE = {"project": f"tests-{SFX}", "domain": "Default"}
FLEET = f"real-{SFX}"


def image(name: str, source: Path, kind: str, digest: str) -> dict[str, Any]:
    return {
        "name": f"{name}-{SFX}",
        "source": str(source),
        "source_format": kind,
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "visibility": "community",
        "properties": {"build_digest": digest},
    }


def config(lab: Lab, broken: Path) -> dict[str, Any]:
    _, file = (guest.folder(lab) / "SHA256SUMS").read_text().split()
    good = guest.folder(lab) / file
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": PLACE["project"], "domain": "Default"}],
        "networks": [
            {
                "name": f"vms-{SFX}",
                "segments": [{"physical_network": "physnet1", "vlan": VLAN}],
                "availability_hints": [ZONE],
                "shared_with": [PLACE],
                "subnets": [{"name": f"vms-v4-{SFX}", "cidr": "10.94.6.0/24", "gateway": "10.94.6.1"}],
            }
        ],
        "flavors": [
            {
                "name": f"tiny-{SFX}",
                "vcpus": 1,
                "ram_mb": 128,
                "disk_gb": 1,
                "extra_specs": {f"trait:{TRAIT}": "required"},
            }
        ],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"},
        "images": [
            image("good", good, "qcow2", guest.digest(lab)),
            image("broken", broken, "raw", "never-shown"),
        ],
        "fleets": [
            {
                "name": FLEET,
                "project": {"name": PLACE["project"], "domain": "Default"},
                "count": COUNT,
                "image": f"good-{SFX}",
                "flavor": f"tiny-{SFX}",
                "networks": [f"vms-{SFX}"],
                "update": {"canary": 1, "waves": [100], "bake_s": 2, "max_unavailable": 2},
                "probe": {"console": True, "within_s": 240},
            }
        ],
    }


class RealFleet:
    """The stack, and what is declared."""

    def __init__(self, stack: OwnStack, declared: dict[str, Any]) -> None:
        self.stack, self.config = stack, declared

    def declare(self, **keys: Any) -> None:
        """Another fleet than before."""
        self.config["fleets"][0].update(keys)
        self.stack.declare(self.config)

    def servers(self) -> dict[str, Any]:
        """By name, as Nova has them."""
        project_id = self.stack.outputs["projects"][f"{PLACE['project']}@Default"]["id"]
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


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[RealFleet]:
    skip_without_qemu(lab)
    base = tmp_path_factory.mktemp("fleets")
    broken = base / "broken.raw"
    broken.write_bytes(secrets.token_bytes(1 << 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        declared = config(lab, broken)
        with own_stack(base / "stack", declared) as stack:
            yield RealFleet(stack, declared)


def test_every_server_has_shown_its_image_and_a_boot_of_its_own(real: RealFleet) -> None:
    boots = real.boots()
    assert sorted(boots) == [f"{FLEET}-{number:02d}" for number in range(1, COUNT + 1)]
    assert len(set(boots.values())) == COUNT
    real.stack.preview_is_empty("--refresh")


@pytest.mark.nightly
def test_made_anew_each_has_another_boot_and_the_same_address(real: RealFleet) -> None:
    boots, addresses = real.boots(), real.stack.outputs["fleets"][FLEET]["addresses"]
    real.declare(recreate="again")
    real.stack.up()
    assert not set(real.boots().values()) & set(boots.values())
    assert real.stack.outputs["fleets"][FLEET]["addresses"] == addresses
    assert set(real.rebuilds().values()) == {1}


def test_an_image_that_does_not_boot_touches_exactly_one_server_which_is_brought_back(
    real: RealFleet,
) -> None:
    boots, rebuilds = real.boots(), real.rebuilds()
    images = {server.image.id for server in real.servers().values()}
    real.declare(image=f"broken-{SFX}", probe={"console": True, "within_s": 90})
    done = real.stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert done.returncode != 0
    assert "its console shows no `ready" in done.stdout
    real.declare(probe={"console": True, "within_s": 240})
    touched = {name: count - rebuilds[name] for name, count in real.rebuilds().items()}
    assert sorted(touched.values()) == [0, 0, 2], json.dumps(touched)
    assert {server.image.id for server in real.servers().values()} == images
    (canary,) = (name for name, count in touched.items() if count)
    after = real.boots()
    assert {name for name in after if after[name] != boots[name]} == {canary}
    real.declare(image=f"good-{SFX}")
    real.stack.up()
    assert real.boots() == after
    real.stack.preview_is_empty("--refresh")
