"""Packages and the bootable image's small parts."""

import fcntl
import functools
import os
import struct

import pytest

from lab import image
from lab import packages as labs
from lab.settings import Lab, LabError
from toolchain import packages


def test_a_machines_own_policy_for_daemons_comes_back_also_after_a_failure(tmp_path, monkeypatch):
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    monkeypatch.setattr(packages, "POLICY", policy)

    def install() -> None:
        with packages.daemons_kept_from_starting():
            assert "exit 101" in policy.read_text()
            raise LabError("apt failed")

    with pytest.raises(LabError):
        install()
    assert "exit 0" in policy.read_text()
    assert list(tmp_path.iterdir()) == [policy]


def test_a_machine_without_a_policy_has_none_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    with packages.daemons_kept_from_starting():
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("full", "shown"),
    [("16.2.15+ds-0+deb12u2", "16.2.15"), ("1:10.11.19-0+deb12u1", "10.11.19"), ("2.5.13+dfsg-5", "2.5.13")],
)
def test_a_version_is_shown_as_its_makers_write_it(monkeypatch, full, shown):
    monkeypatch.setattr(packages, "versions", lambda: {"x": full})
    assert labs.version("x") == shown


def test_every_requirement_is_pinned():
    lines = [line for line in labs.REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert all(line.count("==") == 1 for line in lines)


def test_the_image_is_current_only_when_whole_and_made_by_this_recipe(tmp_path):
    lab = Lab(root=tmp_path, links=tmp_path)
    lab.link()
    assert not image.is_current(lab)
    for name in (image.NAME, image.SUMS):
        (lab.images / name).touch()
    (lab.images / "made-from").write_text("another recipe\n")
    assert not image.is_current(lab)
    (lab.images / "made-from").write_text(image.recipe() + "\n")
    assert image.is_current(lab)


def test_the_partition_is_bootable_linux_and_lies_where_the_file_system_is():
    entry = image.partition_entry(2048, 6289408)
    assert len(entry) == 16
    assert entry[0] == 0x80
    assert entry[4] == 0x83
    assert struct.unpack("<II", entry[8:]) == (2048, 6289408)


def test_the_environments_packages_come_first_and_bring_debians_modules():
    assert set(labs.FOR_THE_ENVIRONMENT) < set(labs.PACKAGES)
    assert {"python3-venv", "python3-rados", "python3-rbd", "libvirt-dev"} <= set(labs.FOR_THE_ENVIRONMENT)


def test_toolchain_and_lab_install_in_turns(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "APT", tmp_path)
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(packages, "versions", functools.cache(dict))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    commands = []

    def run(command, _environment):
        commands.append(command[1])
        other = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)

    assert packages.install_missing(["slapd"], run) == ["slapd"]
    assert commands == ["update", "install"]
