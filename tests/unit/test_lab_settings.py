"""Where the lab lives."""

import json
from pathlib import Path

import pytest

from lab import settings
from lab.settings import Lab, LabError

LONGEST_SOCKET_PATH = 107


def record(root: Path, address: str) -> None:
    path = root / ".cloud/lab/data/lab.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"address": address}))


@pytest.mark.parametrize("address", ["192.168.1.5", "10.0.0.1", "::1", "localhost", "127.0.0"])
def test_an_address_that_is_not_ipv4_loopback_is_refused_by_name(monkeypatch, tmp_path, address):
    monkeypatch.setenv("LAB_ADDRESS", address)
    with pytest.raises(LabError, match="IPv4 loopback only") as caught:
        settings.load(tmp_path)
    assert address in str(caught.value)


def test_a_lab_keeps_the_address_it_was_made_with(monkeypatch, tmp_path):
    monkeypatch.delenv("LAB_ADDRESS", raising=False)
    record(tmp_path, "127.0.0.7")
    assert settings.load(tmp_path).address == "127.0.0.7"


def test_another_address_for_an_existing_lab_is_refused_until_it_is_made_anew(monkeypatch, tmp_path):
    record(tmp_path, "127.0.0.7")
    monkeypatch.setenv("LAB_ADDRESS", "127.0.0.8")
    with pytest.raises(LabError, match=r"was made at 127\.0\.0\.7"):
        settings.load(tmp_path)
    assert settings.load(tmp_path, anew=True).address == "127.0.0.8"


def test_socket_paths_fit_the_kernel_and_have_no_space_however_deep_the_checkout_lies(tmp_path):
    root = tmp_path / "a folder with spaces" / ("x" * 150)
    lab = Lab(root=root, links=tmp_path)
    assert lab.run.relative_to(tmp_path).parts[0].startswith("private-cloud-lab-")
    real = str(Lab(root=root).run / "client.image-import.asok")
    assert len(real) < LONGEST_SOCKET_PATH
    assert " " not in real


def test_the_short_link_leads_to_the_checkout_and_is_made_again_when_gone(tmp_path):
    lab = Lab(root=tmp_path / "a b", links=tmp_path)
    for _ in range(2):
        lab.link()
        (lab.etc / "here").write_text("x")
        assert (lab.folder / "etc" / "here").exists()
        lab.home.unlink()


def test_two_checkouts_never_share_a_link(tmp_path):
    assert Lab(root=tmp_path / "a").home != Lab(root=tmp_path / "b").home
