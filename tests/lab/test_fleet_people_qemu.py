"""A person's machine that boots and mounts its home: what is written there is read again after every recreation."""

import base64
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from lab.settings import Lab
from tests.lab.guests import Guest
from tests.lab.own_stack import STACK
from tests.lab.real_fleets import RealFleet, config, real_fleet

pytestmark = [pytest.mark.xdist_group(name="qemu"), pytest.mark.nightly]  # two minutes and more

VLAN = 701
SFX = f"t{secrets.token_hex(3)}"
MARK = secrets.token_hex(16)


class Anna:
    """The stack, and Anna's machine."""

    def __init__(self, fleet: RealFleet) -> None:
        self._fleet, self.stack, self.declare = fleet, fleet.stack, fleet.declare

    @property
    def server(self) -> Any:
        (found,) = self._fleet.servers().values()
        return found

    def run(self, command: str) -> bool:
        """Whether a command succeeds in the machine."""
        return Guest(self._fleet.lab, self.stack.admin, self.server, "", "").run(command)

    def has_all_data(self) -> bool:
        """Whether what was written to the home is there, byte for byte."""
        return self.run("grep -q ' /home ' /proc/mounts && cd /home && sha256sum -c sums") and self.run(
            f"grep -qx {MARK} /home/mark"
        )


@pytest.fixture(scope="module")
def anna(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Anna]:
    base = tmp_path_factory.mktemp("people")
    (base / "keys").mkdir()
    (base / "keys" / "anna.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAnna anna@laptop\n")
    keys = {
        "name": f"dev-{SFX}",
        "people": ["anna"],
        "home_gb": 1,
        "ssh_keys": {"files": str(base / "keys")},
        "update": {"mode": "proactive", "bake_s": 0},
        "probe": {"console": True, "within_s": 240},
    }
    declared = config(lab, base, SFX, vlan=VLAN, subnet="10.70.1", fleet=keys)
    with real_fleet(lab, base / "stack", declared) as made:
        yield Anna(made)


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
