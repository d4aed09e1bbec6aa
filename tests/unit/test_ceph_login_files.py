"""The files of a cephx user's login: whole or not at all, for their owner alone, and found again when meddled with."""

from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from clients.errors import CloudError
from dynamic_providers.ceph_login_files import files
from dynamic_providers.ceph_login_files.provider import CephLoginFiles, CephLoginFilesProvider

provider = CephLoginFilesProvider()
TEXTS = {"ceph.conf": "[global]\n", "ceph.client.a.1.keyring": "[client.a.1]\n\tkey = secret\n"}


def inputs(folder: Path, **texts: str) -> dict[str, Any]:
    return {"folder": str(folder), "texts": TEXTS | texts}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not-there-yet" / "ceph"


def state(folder: Path) -> dict[str, Any]:
    outs = provider.create(inputs(folder)).outs
    assert outs is not None
    return outs


def test_files_and_folder_are_their_owners_alone(folder: Path) -> None:
    state(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.read_text() for path in folder.iterdir()} == TEXTS
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_serial_that_was_dropped_loses_its_file(folder: Path) -> None:
    olds = state(folder)
    wanted = {"folder": str(folder), "texts": {"ceph.conf": "[global]\n", "ceph.client.a.2.keyring": "new"}}
    outs = provider.update(str(folder), olds, wanted).outs
    assert sorted(path.name for path in folder.iterdir()) == ["ceph.client.a.2.keyring", "ceph.conf"]
    assert outs is not None
    assert outs["names"] == ["ceph.client.a.2.keyring", "ceph.conf"]


def replace_by_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("meddle", "says"),
    [
        (Path.unlink, "is missing"),
        (lambda path: path.chmod(0o644), "has mode 0644"),
        (lambda path: path.write_text("other"), "says something else"),
        (replace_by_a_link, "is a link"),
    ],
)
def test_a_refresh_finds_what_was_meddled_with_and_the_next_up_mends_it(
    folder: Path, meddle: Any, says: str
) -> None:
    olds = state(folder)
    meddle(folder / "ceph.client.a.1.keyring")
    read = provider.read(str(folder), olds).outs
    assert read is not None
    assert read["damage"] == [f"ceph.client.a.1.keyring {says}"]
    assert provider.diff(str(folder), read, inputs(folder)).changes
    mended = provider.update(str(folder), read, inputs(folder)).outs
    assert mended is not None
    assert files.wrong(folder, TEXTS) == {}
    assert not provider.diff(str(folder), mended, inputs(folder)).changes


def test_what_a_killed_run_left_is_replaced(folder: Path) -> None:
    folder.mkdir(parents=True)
    left = folder / ".ceph.conf.new"
    left.write_text("half")
    left.chmod(0o644)
    state(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(TEXTS)
    assert (folder / "ceph.conf").stat().st_mode & 0o777 == 0o600


def test_removal_leaves_what_others_put_there(folder: Path) -> None:
    olds = state(folder)
    (folder / "notes").write_text("mine")
    provider.delete(str(folder), olds)
    assert [path.name for path in folder.iterdir()] == ["notes"]
    (folder / "notes").unlink()
    provider.delete(str(folder), olds)
    assert not folder.exists()
    provider.delete(str(folder), olds)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CloudError, match=r"cannot be kept in '.*/file/ceph'"):
        provider.create(inputs(tmp_path / "file" / "ceph"))


def test_a_name_that_leads_out_of_the_folder_is_refused_and_nothing_is_repeated(tmp_path: Path) -> None:
    found = provider.check({}, {"folder": str(tmp_path), "texts": {"../x": "secret"}}).failures
    assert len(found) == 1
    assert "secret" not in found[0].reason


def test_names_in_state_are_a_schema() -> None:
    assert CephLoginFiles._resource_type_name == "dynamic/ceph:LoginFiles"
    assert CephLoginFilesProvider.__module__ == "dynamic_providers.ceph_login_files.provider"
    assert CephLoginFilesProvider.__qualname__ == "CephLoginFilesProvider"


def test_a_renamed_user_keeps_the_files_of_its_new_name_in_the_same_folder(folder: Path) -> None:
    """The former name's resource is deleted at the run's end, after the new one's was made."""
    in_a_run = CephLoginFilesProvider()
    in_a_run.configure(ConfigureRequest(Config({}, "private-cloud")))
    former = state(folder)
    wanted = {"folder": str(folder), "texts": {"ceph.conf": "[global]\n", "ceph.client.b.1.keyring": "new"}}
    made = in_a_run.create(wanted)
    in_a_run.delete(made.id, former)
    assert {path.name: path.read_text() for path in folder.iterdir()} == wanted["texts"]
