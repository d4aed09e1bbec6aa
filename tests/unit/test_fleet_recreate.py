"""`make fleet-recreate` writes a day into the stack file, and nothing else."""

from pathlib import Path

import pytest

from clients.errors import CloudError
from operations import fleet_recreate
from operations.fleet_recreate import mark

FILE = """config:
  private-cloud:openstack: {cloud: admin}
  private-cloud:projects: [{name: test, domain: Default}]
  private-cloud:networks:
    - name: vms
      segments: [{physical_network: physnet1, vlan: 300}]
      shared_with: [{project: test, domain: Default}]
  private-cloud:flavors: [{name: small, vcpus: 1, ram_mb: 512, disk_gb: 1}]
  private-cloud:image_store: {cloud: import, pool: images, ceph_user: image-import}
  private-cloud:images: [{name: debian, source: debian.qcow2, sha256: SHA}]
  private-cloud:fleets:
    # made anew each night
    - name: nightly
      project: {name: test, domain: Default}
      count: 20
      image: debian
      flavor: small
      networks: [vms]
      recreate: "2026-11-27"  # by make fleet-recreate
""".replace("SHA", "a1" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(FILE)
    return file


def test_the_day_is_all_that_changes(path: Path) -> None:
    assert mark(path, "nightly", "2026-11-29")
    assert path.read_text() == FILE.replace('"2026-11-27"', "'2026-11-29'")
    assert not mark(path, "nightly", "2026-11-29")


def test_a_fleet_without_a_day_gets_one(path: Path) -> None:
    path.write_text(FILE.replace('      recreate: "2026-11-27"  # by make fleet-recreate\n', ""))
    assert mark(path, "nightly", "2026-11-29")
    assert "recreate: '2026-11-29'" in path.read_text()


def test_a_fleet_that_is_not_there_is_told_with_the_nearest(path: Path) -> None:
    with pytest.raises(CloudError, match="no fleet 'nigthly'; did you mean 'nightly'"):
        mark(path, "nigthly", "2026-11-29")
    assert path.read_text() == FILE


def test_the_command_says_what_it_did(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr("sys.argv", ["make fleet-recreate", "--stack", "test", "--name", "nightly"])
    assert fleet_recreate.main() == 0
    assert "recreate of fleet 'nightly' is" in capsys.readouterr().out
    assert fleet_recreate.main() == 0
    assert "already" in capsys.readouterr().out
