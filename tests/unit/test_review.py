"""The review's own part; that it holds together with the engine and the policies is tests/lab/test_pull_request.py."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.errors import CloudError
from operations.engine import Stack
from operations.report.drift import Drift
from operations.report.report import Report
from operations.report.risk import NotKnown
from operations.review import review
from operations.stack_file.file import mistakes
from tests.unit.test_report_output import network, report_of

GOOD = {"private-cloud:openstack": {"cloud": "lab-admin"}}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    declare(GOOD)
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "review"


def declare(config: dict[str, Any]) -> None:
    Path("Pulumi.x.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")


NOTHING = report_of()


def reporting(monkeypatch: pytest.MonkeyPatch, found: Report | CloudError = NOTHING) -> list[Any]:
    """A FAKE report; what it was asked for."""
    requests: list[Any] = []

    def make(stack: Stack, words: tuple[str, ...]) -> Report:
        requests.append((stack.name, words))
        if isinstance(found, CloudError):
            raise found
        return found

    monkeypatch.setattr("operations.review.make", make)
    return requests


def test_a_mistake_in_the_stack_file_is_told_and_no_cloud_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare({**GOOD, "private-cloud:netwroks": []})
    called = reporting(monkeypatch)
    assert review("x", folder) == 1
    assert called == []
    assert "its file has mistakes, and no preview was made" in (folder / "x.md").read_text(encoding="utf-8")
    assert "netwroks" in (folder / "x.md").read_text(encoding="utf-8")


def test_no_file_and_no_yaml_are_mistakes_too(project: Path) -> None:
    (sentence,) = mistakes(project / "Pulumi.y.yaml")
    assert "Pulumi.y.yaml cannot be read" in sentence
    (project / "Pulumi.x.yaml").write_text("config: [", encoding="utf-8")
    (sentence,) = mistakes(project / "Pulumi.x.yaml")
    assert "is no YAML" in sentence


def test_the_report_is_asked_with_the_policies(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = reporting(monkeypatch)
    assert review("x", folder) == 0
    assert request == [("x", ("--policy-pack", "policy"))]
    assert json.loads((folder / "x.json").read_text(encoding="utf-8"))["changes"] == []
    assert (folder / "x.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_code_is_the_reports(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reporting(monkeypatch, report_of(network("delete", "vms")))
    assert review("x", folder, fail_on="interrupts") == 3
    assert review("x", folder, fail_on="loses-data") == 0
    reporting(monkeypatch, replace(NOTHING, errors=("broken",)))
    assert review("x", folder, nothing_left=True) == 1


def test_where_there_is_no_report_the_reason_is_what_people_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporting(monkeypatch, CloudError("pulumi preview fails. It says:\n```\nkeystone is away"))
    folder.mkdir()
    (folder / "x.json").write_text("{}", encoding="utf-8")  # of an earlier one
    assert review("x", folder) == 1
    assert not (folder / "x.json").exists()
    text = (folder / "x.md").read_text(encoding="utf-8")
    assert "there is no preview" in text
    assert "````text\npulumi preview fails. It says:\n```\nkeystone is away\n````" in text


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (NOTHING, 0),
        (report_of(network("create", "vms")), 4),
        (replace(NOTHING, drift=(Drift("vms", "a", "b", "c"),)), 4),
        (replace(NOTHING, drift=NotKnown("pulumi refresh fails")), 4),
    ],
)
def test_nothing_left_means_no_change_no_drift_and_that_both_are_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch, found: Report, code: int
) -> None:
    reporting(monkeypatch, found)
    assert review("x", folder, nothing_left=True) == code
    assert review("x", folder) == 0
