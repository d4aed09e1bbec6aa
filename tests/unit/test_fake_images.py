"""The fakes of Kolla's images: built the same each time, and refusing what Kolla would not have delivered."""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from lab.registry import fake_images

SCRIPTS = fake_images.ROOT / "usr/local/bin"
TOOLBOX = fake_images.ROOT / "opt/ansible/bin"


def _in(folder: Path, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the images with its absolute paths below FOLDER instead."""
    text = re.sub(r"/(usr/local/bin|var/lib|tmp|run)/", rf"{folder}/\1/", script.read_text())
    copy = folder / script.name
    copy.write_text(text)
    return subprocess.run(
        ["/bin/sh", str(copy), *arguments], check=False, capture_output=True, text=True, env=os.environ
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A container's root, with the folders that the scripts expect."""
    for folder in ("tmp", "run", "var/lib/kolla/config_files", "var/lib/ansible"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def _deliver(root: Path, *files: dict[str, object]) -> Path:
    delivered = root / "var/lib/kolla/config_files"
    text = json.dumps({"command": "nova-compute", "config_files": files, "permissions": []}, indent=4)
    (delivered / "config.json").write_text(text)
    return delivered


def test_the_same_files_always_give_the_same_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_images, "BUSYBOX", Path(__file__))
    first = fake_images.image("nova-compute")
    fake_images.tree.cache_clear()
    fake_images.layer.cache_clear()
    second = fake_images.image("nova-compute")
    fake_images.tree.cache_clear()
    fake_images.layer.cache_clear()
    assert first == second


def test_an_image_says_that_it_is_a_fake_and_its_digests_are_true(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fake_images, "BUSYBOX", Path(__file__))
    fake_images.tree.cache_clear()
    fake_images.layer.cache_clear()
    made = fake_images.image("nova-compute")
    config = json.loads(made.config)
    manifest = json.loads(made.manifest)
    unpacked = gzip.decompress(made.layer)
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
        names = tar.getnames()
    fake_images.tree.cache_clear()
    fake_images.layer.cache_clear()
    assert config["config"]["Labels"]["org.opencontainers.image.title"] == "FAKE of Kolla's nova-compute"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(unpacked).hexdigest()}"]
    assert manifest["layers"][0]["digest"] == f"sha256:{hashlib.sha256(made.layer).hexdigest()}"
    assert manifest["config"]["digest"] == f"sha256:{hashlib.sha256(made.config).hexdigest()}"
    assert {"usr/local/bin/kolla_start", "bin/sh", "opt/ansible/bin/ansible-runner"} <= set(names)


def test_every_script_of_the_images_says_that_it_stands_in() -> None:
    scripts = [path for path in fake_images.ROOT.rglob("*") if path.is_file()]
    assert scripts
    for script in scripts:
        assert "FAKE" in script.read_text(), script
        assert os.access(script, os.X_OK), script


def test_a_container_without_configuration_does_not_start(root: Path) -> None:
    done = _in(root, SCRIPTS / "kolla_set_configs")
    assert done.returncode == 1
    assert "config.json is missing" in done.stderr


def test_a_container_does_not_start_while_a_file_it_needs_is_missing_and_says_which(root: Path) -> None:
    delivered = _deliver(
        root,
        {"source": f"{root}/var/lib/kolla/config_files/nova.conf", "dest": "/etc/nova/nova.conf"},
        {
            "source": f"{root}/var/lib/kolla/config_files/release",
            "dest": "/etc/nova/release",
            "optional": True,
        },
    )
    done = _in(root, SCRIPTS / "kolla_set_configs")
    assert done.returncode == 1
    assert "did not deliver" in done.stderr
    assert "nova.conf" in done.stderr
    assert "release" not in done.stderr
    (delivered / "nova.conf").write_text("[DEFAULT]\ntransport_url = rabbit://nova:secret@broker\n")
    done = _in(root, SCRIPTS / "kolla_set_configs")
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_the_toolbox_knows_no_compute_service_until_the_lab_says_so(root: Path) -> None:
    assert json.loads(_in(root, SCRIPTS / "openstack", "compute", "service", "list").stdout) == []
    (root / "run/lab-compute-services.json").write_text('[{"Host": "lab-host-1"}]\n')
    assert json.loads(_in(root, SCRIPTS / "openstack", "compute", "service", "list").stdout) == [
        {"Host": "lab-host-1"}
    ]


def test_the_toolbox_makes_and_removes_the_folder_that_kolla_fills(root: Path) -> None:
    folder = f"{root}/var/lib/ansible/kolla_runner.a-B_9"
    setup = (
        f'import os, pwd\nfor p in [{folder!r}, {folder!r} + "/tmp"]:\n    os.makedirs(p, exist_ok=True)\n'
    )
    assert _in(root, TOOLBOX / "python3", "-c", setup).returncode == 0
    assert Path(folder, "tmp").is_dir()
    removal = f"import shutil; shutil.rmtree({folder!r}, ignore_errors=True)"
    assert _in(root, TOOLBOX / "python3", "-c", removal).returncode == 0
    assert not Path(folder).exists()


def test_the_toolbox_refuses_what_kolla_is_not_known_to_run_there(root: Path) -> None:
    done = _in(root, TOOLBOX / "python3", "-c", "print(1)")
    assert done.returncode == 1
    assert "not one of the scripts" in done.stderr


def test_what_the_toolbox_is_told_of_hypervisors_reaches_kolla(root: Path) -> None:
    parse = f"pdd = '{root}/var/lib/ansible/kolla_runner.x'\n# job_events"
    assert json.loads(_in(root, TOOLBOX / "python3", "-c", parse).stdout)["resources"] == []
    (root / "run/lab-hypervisors.json").write_text('[{"name": "lab-host-1", "id": "1"}]\n')
    answer = json.loads(_in(root, TOOLBOX / "python3", "-c", parse).stdout)
    assert answer == {
        "changed": False,
        "_runner_status": "runner_on_ok",
        "resources": [{"name": "lab-host-1", "id": "1"}],
    }


def test_each_has_the_label_by_which_kolla_finds_containers_to_remove(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fake_images, "BUSYBOX", Path(__file__))
    made = fake_images.image("cron")
    fake_images.tree.cache_clear()
    fake_images.layer.cache_clear()
    assert "kolla_version" in json.loads(made.config)["config"]["Labels"]
