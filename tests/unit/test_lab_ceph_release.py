"""Which release of Ceph the lab's daemons run."""

from pathlib import Path

import pytest

from lab import ceph_release
from lab.services import ceph
from lab.services.ceph_configuration import mon_folder
from lab.settings import Lab, LabError
from lab.supervisor import Supervisor


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(Lab, "home", tmp_path)
    return Lab(root=tmp_path)


def choose_reef(lab: Lab) -> None:
    """Stands for the packages of 18.2, which are a download."""
    ceph_release.root(lab).mkdir(parents=True)


def test_the_default_is_this_machines_own_ceph(lab: Lab) -> None:
    assert ceph_release.program(lab, "ceph-osd", "-f") == ("ceph-osd", "-f")


def test_the_other_release_runs_in_its_root_by_a_command_of_one_line(lab: Lab) -> None:
    choose_reef(lab)
    command = ceph_release.program(lab, "ceph-osd", "-f")
    assert command[-2:] == ("ceph-osd", "-f")
    assert str(ceph_release.root(lab)) in command
    assert "\n" not in "".join(command)
    assert " ;" not in "".join(command)  # a comment to supervisord


def test_data_of_one_release_is_not_given_to_the_other(lab: Lab) -> None:
    made = mon_folder(lab).with_name("mon.made")
    made.parent.mkdir(parents=True)
    made.touch()  # as before there was a choice
    ceph.make_monitor(lab, {})
    choose_reef(lab)
    with pytest.raises(LabError, match="was made by pacific, and reef was chosen: run `python -m lab reset`"):
        ceph.make_monitor(lab, {})


def test_nothing_is_chosen_while_the_lab_is_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Supervisor, "answers", lambda _: True)
    ceph_release.choose(lab, ceph_release.PACIFIC)
    with pytest.raises(LabError, match="run `python -m lab down`"):
        ceph_release.choose(lab, ceph_release.REEF)
