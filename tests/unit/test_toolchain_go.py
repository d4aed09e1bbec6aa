"""Which Go builds, and whether what is built is what the pins say."""

import re
from pathlib import Path

import pytest

from toolchain import golang
from toolchain.pins import CLI_SOURCES, GO_PACKAGE, PLUGIN_SOURCES, least_go, pinned
from toolchain.places import Places

PINNED_GO = GO_PACKAGE.split("==")[1]


def system_go(folder: Path, says: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = folder / "go"
    program.write_text(f"#!/bin/sh\necho {says}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return program


@pytest.mark.parametrize("version", ["1.26", "1.26.8", "1.27.3", "2.0.1"])
def test_a_system_go_that_is_new_enough_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    program = system_go(tmp_path, f"go{version}", monkeypatch)
    assert golang.choose() == golang.Go(version, program, f"Go {version} from {program}")


@pytest.mark.parametrize("version", ["1.19.8", "1.25.9", "1.9"])
def test_debians_old_go_is_passed_over_for_the_one_from_pypi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    program = system_go(tmp_path, f"go{version}", monkeypatch)
    chosen = golang.choose()
    assert (chosen.version, chosen.program) == (PINNED_GO, None)
    assert f"{program} is {version}, needed is" in chosen.why


def test_no_go_at_all_means_the_one_from_pypi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert golang.choose().why == f"Go {PINNED_GO} from PyPI: no go on PATH"


def test_the_go_from_pypi_is_new_enough_for_both_modules() -> None:
    assert tuple(int(part) for part in PINNED_GO.split(".")[:2]) >= least_go()


def test_the_engine_is_built_from_the_version_that_pip_has_pinned() -> None:
    version = pinned(Places().requirements[0], "pulumi")
    text = (CLI_SOURCES / "go.mod").read_text()
    for module in ("pkg", "sdk"):
        assert f"github.com/pulumi/pulumi/{module}/v3 v{version} " in text


def test_each_direct_dependency_of_the_plugin_has_its_sum() -> None:
    sums = (PLUGIN_SOURCES / "go.sum").read_text()
    required = re.findall(r"^\t(\S+) (v\S+)$", (PLUGIN_SOURCES / "go.mod").read_text(), re.MULTILINE)
    assert len(required) >= 2
    for module, version in required:
        assert f"{module} {version} h1:" in sums
