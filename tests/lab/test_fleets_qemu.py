"""A fleet whose servers boot: its rollout is proved by what they say, and an image that does not boot costs one server."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.settings import Lab
from tests.lab.own_stack import STACK
from tests.lab.real_fleets import RealFleet, config, other_guest, real_fleet

pytestmark = pytest.mark.xdist_group(name="qemu")

COUNT = 3
VLAN = 646
SFX = f"t{secrets.token_hex(3)}"
FLEET = f"real-{SFX}"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[RealFleet]:
    base = tmp_path_factory.mktemp("fleets")
    keys = {
        "name": FLEET,
        "count": COUNT,
        "update": {"canary": 1, "waves": [100], "bake_s": 2, "max_unavailable": 2},
        "probe": {"console": True, "within_s": 240},
    }
    declared = config(lab, base, SFX, vlan=VLAN, subnet="10.94.6", fleet=keys)
    with real_fleet(lab, base / "stack", declared) as made:
        yield made


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


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("broken", "its console shows no `ready"),
        pytest.param("panics", "its console shows no `ready", marks=pytest.mark.nightly),
        pytest.param("another", ", and of-another is declared", marks=pytest.mark.nightly),
    ],
)
def test_an_image_that_does_not_boot_touches_exactly_one_server_which_is_brought_back(
    real: RealFleet, tmp_path: Path, image: str, says: str
) -> None:
    boots, rebuilds = real.boots(), real.rebuilds()
    images = {server.image.id for server in real.servers().values()}
    if image != "broken":
        real.config["images"].append(other_guest(real.lab, tmp_path, SFX, image))
    real.declare(image=f"{image}-{SFX}", probe={"console": True, "within_s": 90})
    done = real.stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert done.returncode != 0
    assert says in done.stdout
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
