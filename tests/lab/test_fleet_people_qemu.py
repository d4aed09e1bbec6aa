"""A person's machine that boots and mounts its home: what is written there is read again after every recreation."""

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.guest import image as guest
from lab.qemu.host import TRAIT, ZONE
from lab.settings import Lab
from tests.lab.guests import Guest, skip_without_qemu
from tests.lab.own_stack import STACK, own_stack
from tests.lab.test_fleets_qemu import RealFleet
from tests.lab.test_fleets_qemu import image as image_of

pytestmark = [pytest.mark.xdist_group(name="qemu"), pytest.mark.nightly]  # two minutes and more

VLAN = 701
SFX = f"t{secrets.token_hex(3)}"
PLACE = {"project": f"tests-{SFX}", "domain": "Default"}
FLEET = f"dev-{SFX}"
MACHINE = f"{FLEET}-anna"
MARK = secrets.token_hex(16)


def config(lab: Lab, base: Path) -> dict[str, Any]:
    _, file = (guest.folder(lab) / "SHA256SUMS").read_text().split()
    flavors = [
        {
            "name": f"{name}-{SFX}",
            "vcpus": 1,
            "ram_mb": ram,
            "disk_gb": 1,
            "extra_specs": {f"trait:{TRAIT}": "required"},
        }
        for name, ram in (("tiny", 128), ("big", 160))
    ]
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": PLACE["project"], "domain": "Default"}],
        "networks": [
            {
                "name": f"vms-{SFX}",
                "segments": [{"physical_network": "physnet1", "vlan": VLAN}],
                "availability_hints": [ZONE],
                "shared_with": [PLACE],
                "subnets": [{"name": f"vms-v4-{SFX}", "cidr": "10.70.1.0/24", "gateway": "10.70.1.1"}],
            }
        ],
        "flavors": flavors,
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"},
        "images": [
            image_of("good", guest.folder(lab) / file, "qcow2", guest.digest(lab)) | {"name": f"good-{SFX}"},
            image_of("broken", base / "broken.raw", "raw", "never-shown") | {"name": f"broken-{SFX}"},
        ],
        "fleets": [
            {
                "name": FLEET,
                "project": {"name": PLACE["project"], "domain": "Default"},
                "people": ["anna"],
                "image": f"good-{SFX}",
                "flavor": f"tiny-{SFX}",
                "networks": [f"vms-{SFX}"],
                "home_gb": 1,
                "ssh_keys": {"files": str(base / "keys")},
                "update": {"mode": "proactive", "bake_s": 0},
                "probe": {"console": True, "within_s": 240},
            }
        ],
    }


class Anna(RealFleet):
    """The stack, and Anna's machine."""

    lab: Lab

    @property
    def server(self) -> Any:
        project_id = self.stack.outputs["projects"][f"{PLACE['project']}@Default"]["id"]
        (found,) = self.stack.admin.compute.servers(all_projects=True, project_id=project_id)
        return found

    def run(self, command: str) -> bool:
        """Whether a command succeeds in the machine."""
        return Guest(self.lab, self.stack.admin, self.server, "", "").run(command)

    def has_all_data(self) -> bool:
        """Whether what was written to the home is there, byte for byte."""
        return self.run("grep -q ' /home ' /proc/mounts && cd /home && sha256sum -c sums") and self.run(
            f"grep -qx {MARK} /home/mark"
        )


@pytest.fixture(scope="module")
def anna(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Anna]:
    skip_without_qemu(lab)
    base = tmp_path_factory.mktemp("people")
    (base / "broken.raw").write_bytes(secrets.token_bytes(1 << 20))
    (base / "keys").mkdir()
    (base / "keys" / "anna.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAnna anna@laptop\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        declared = config(lab, base)
        with own_stack(base / "stack", declared) as stack:
            found = Anna(stack, declared)
            found.lab = lab
            yield found


def test_her_home_has_a_file_system_and_keeps_what_is_written_when_the_machine_is_rebuilt(anna: Anna) -> None:
    assert anna.run("dd if=/dev/urandom of=/home/data bs=1M count=8")
    assert anna.run(f"cd /home && echo {MARK} > mark && sha256sum data > sums && sync")
    before = anna.server
    anna.stack.admin.compute.set_server_metadata(anna.server, renew="yes")
    anna.stack.up()
    after = anna.server
    assert after.id == before.id
    assert after.metadata["private_cloud_proved"] != before.metadata["private_cloud_proved"]
    assert anna.has_all_data()
    assert "AAAAIAnna" in base64.b64decode(after.user_data).decode()
    anna.stack.preview_is_empty("--refresh")


def test_the_home_survives_a_replacement(anna: Anna) -> None:
    before = anna.server
    anna.declare(flavor=f"big-{SFX}")
    anna.stack.up()
    assert anna.server.id != before.id
    assert anna.has_all_data()


def test_the_home_survives_a_rollback_even_where_it_is_full(anna: Anna) -> None:
    sizes = " ".join(f"{2**power}M" for power in range(9, -1, -1))
    anna.run(f"mkdir /home/full; for size in {sizes}; do fallocate -l $size /home/full/$size; done; sync")
    assert not anna.run("dd if=/dev/zero of=/home/more bs=1M count=4")
    anna.declare(image=f"broken-{SFX}", probe={"console": True, "within_s": 90})
    done = anna.stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert done.returncode != 0
    assert "back on the former image" in done.stdout
    anna.declare(image=f"good-{SFX}", probe={"console": True, "within_s": 240})
    anna.stack.up()
    assert anna.has_all_data()
    assert anna.run("rm -r /home/full /home/more && sync")
    anna.stack.preview_is_empty("--refresh")
