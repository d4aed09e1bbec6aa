"""The review's own part; that it holds together with the engine and the policies is tests/lab/test_pull_request.py."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations.review import Written, mistakes, review

GOOD = {"private-cloud:openstack": {"cloud": "lab-admin"}}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    declare(GOOD)
    return tmp_path


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "review", "x")


def declare(config: dict[str, Any]) -> None:
    Path("Pulumi.x.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")


def reporting(monkeypatch: pytest.MonkeyPatch, code: int = 0, said: str = "", **data: Any) -> list[list[str]]:
    """A FAKE report command that writes DATA; the commands it was called by."""
    called: list[list[str]] = []

    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        called.append(words)
        if data:
            Path(words[words.index("--json") + 1]).write_text(json.dumps(data), encoding="utf-8")
            Path(words[words.index("--markdown") + 1]).write_text("the report\n", encoding="utf-8")
        return subprocess.CompletedProcess(words, code, stderr=said)

    monkeypatch.setattr(subprocess, "run", run)
    return called


def test_a_mistake_in_the_stack_file_is_told_and_no_cloud_is_asked(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare({**GOOD, "private-cloud:netwroks": []})
    called = reporting(monkeypatch)
    assert review("x", written) == 1
    assert called == []
    assert "its file has mistakes, and no preview was made" in written.markdown.read_text(encoding="utf-8")
    assert "netwroks" in written.markdown.read_text(encoding="utf-8")


def test_no_file_and_no_yaml_are_mistakes_too(project: Path) -> None:
    (sentence,) = mistakes(project / "Pulumi.y.yaml")
    assert "Pulumi.y.yaml cannot be read" in sentence
    (project / "Pulumi.x.yaml").write_text("config: [", encoding="utf-8")
    (sentence,) = mistakes(project / "Pulumi.x.yaml")
    assert "is no YAML" in sentence


def test_the_report_is_asked_with_the_policies(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    (called,) = [reporting(monkeypatch, changes=[], drift=[])]
    assert review("x", written, fail_on="loses-data") == 0
    (words,) = called
    assert words[:3] == [sys.executable, "-m", "operations.report"]
    assert "--preview-args=--policy-pack policy" in words
    assert words[words.index("--fail-on") + 1] == "loses-data"


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_code_is_the_reports(written: Written, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    reporting(monkeypatch, code, changes=[], drift=[])
    assert review("x", written) == code


def test_where_there_is_no_report_the_reason_is_what_people_read(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporting(monkeypatch, 1, said="report: pulumi preview fails. It says:\n```\nkeystone is away")
    written.folder.mkdir()
    written.data.write_text('{"changes": [], "drift": []}', encoding="utf-8")  # of an earlier one
    assert review("x", written) == 1
    text = written.markdown.read_text(encoding="utf-8")
    assert "there is no preview" in text
    assert "````text\nreport: pulumi preview fails. It says:\n```\nkeystone is away\n````" in text


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ({"changes": [], "drift": []}, 0),
        ({"changes": [{"name": "vms"}], "drift": []}, 4),
        ({"changes": [], "drift": [{"what": "vms"}]}, 4),
        ({"changes": [], "drift": {"not_known": "pulumi refresh fails"}}, 4),
    ],
)
def test_nothing_left_means_no_change_no_drift_and_that_both_are_known(
    written: Written, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], code: int
) -> None:
    reporting(monkeypatch, **found)
    assert review("x", written, nothing_left=True) == code
    assert review("x", written) == 0
