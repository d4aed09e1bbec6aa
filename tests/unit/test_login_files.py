import stat
from pathlib import Path

import pytest

from clients.errors import CloudError
from operations import login_files
from operations.login_files import write

TEXTS = {
    "CLOUDS_YAML": "clouds: {}",
    "CEPH_CONF_TEXT": "[global]\nfsid = f\n",
    "CEPH_KEYRING": "[client.i]\n\tkey = k",
}


def test_each_file_is_its_owners_alone_and_named_as_the_tools_look_for_it(tmp_path: Path) -> None:
    named = write(TEXTS, tmp_path / "logins")
    assert set(named) == {"OS_CLIENT_CONFIG_FILE", "CEPH_CONF"}
    for path in (tmp_path / "logins").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((tmp_path / "logins").stat().st_mode) == 0o700
    assert Path(named["OS_CLIENT_CONFIG_FILE"]).read_text(encoding="utf-8") == "clouds: {}\n"
    conf = Path(named["CEPH_CONF"]).read_text(encoding="utf-8")
    assert conf == f"[global]\nfsid = f\n\n[client]\nkeyring = {tmp_path}/logins/keyring\n"


def test_a_file_that_others_could_read_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "logins"
    folder.mkdir()
    (folder / "clouds.yaml").touch(mode=0o644)
    write(TEXTS, folder)
    assert stat.S_IMODE((folder / "clouds.yaml").stat().st_mode) == 0o600


def test_where_no_image_is_imported_ceph_is_not_needed(tmp_path: Path) -> None:
    assert set(write({"CLOUDS_YAML": "clouds: {}", "CEPH_KEYRING": ""}, tmp_path)) == {
        "OS_CLIENT_CONFIG_FILE"
    }


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({}, "CLOUDS_YAML is empty.*a fork's pull request gets none"),
        ({**TEXTS, "CEPH_KEYRING": ""}, "only one of CEPH_CONF_TEXT and CEPH_KEYRING is given"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, texts: dict[str, str], sentence: str) -> None:
    with pytest.raises(CloudError, match=sentence):
        write(texts, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_next_steps_are_told_of_paths_and_nobody_of_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in TEXTS.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    monkeypatch.setenv("GITHUB_ENV", str(tmp_path / "env"))
    assert login_files.main() == 0
    output = (tmp_path / "env").read_text(encoding="utf-8")
    assert output == capsys.readouterr().out
    assert [line.partition("=")[0] for line in output.splitlines()] == ["OS_CLIENT_CONFIG_FILE", "CEPH_CONF"]
    assert not any(text in output for text in TEXTS.values())
