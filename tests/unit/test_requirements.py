"""requirements.txt and tests/requirements.txt are what `make requirements` compiles from pyproject.toml."""

import re
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest

from toolchain.places import Places

PLACES = Places()
PROGRAM, TESTS = PLACES.requirements
PYPROJECT: dict[str, Any] = tomllib.loads((PLACES.checkout / "pyproject.toml").read_text(encoding="utf-8"))
ENTRY = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+) \\\n(?P<rest>(?:    .+\n?)+)", re.MULTILINE)
DECLARED = {PROGRAM: PYPROJECT["project"]["dependencies"], TESTS: PYPROJECT["dependency-groups"]["dev"]}


@dataclass(frozen=True)
class Pin:
    version: str
    hashes: list[str]
    via: list[str]


def normalized(name: str) -> str:
    """The name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, Pin]:
    """What a compiled file pins, by normalized name."""
    return {
        normalized(entry["name"]): Pin(
            entry["version"],
            re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry["rest"]),
            [line for line in re.findall(r"# +(?:via )?(\S.*)", entry["rest"]) if line != "via"],
        )
        for entry in ENTRY.finditer(text)
    }


def is_declared(pin: Pin) -> bool:
    return any(line.startswith("private-cloud (pyproject.toml") for line in pin.via)


def agree(declared: list[str], text: str) -> bool:
    """Whether what TEXT pins for pyproject.toml itself is what is DECLARED there, in the same versions."""
    wanted = dict(requirement.split("==") for requirement in declared)
    return {normalized(name): version for name, version in wanted.items()} == {
        name: pin.version for name, pin in pins(text).items() if is_declared(pin)
    }


@pytest.mark.parametrize("file", DECLARED, ids=["program", "tests"])
def test_what_pyproject_declares_is_pinned_to_the_same_version(file):
    assert agree(DECLARED[file], file.read_text()), "run `make requirements`"


@pytest.mark.parametrize("changed", [["six==1"], ["six==2", "wrapt==1"], []])
def test_a_change_of_pyproject_alone_is_seen(changed):
    text = f"six==2 \\\n    --hash=sha256:{'0' * 64}\n    # via private-cloud (pyproject.toml)\n"
    assert agree(["six==2"], text)
    assert not agree(changed, text)


@pytest.mark.parametrize("file", DECLARED, ids=["program", "tests"])
def test_every_line_is_a_pin_with_hashes_and_none_names_an_index(file):
    text = file.read_text()
    lines = [line for line in ENTRY.sub("", text).splitlines() if not line.startswith("#")]
    assert lines == []
    assert all(pin.hashes for pin in pins(text).values())
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("file", DECLARED, ids=["program", "tests"])
def test_every_other_package_is_needed_by_one_that_is_pinned(file):
    known = pins(file.read_text())
    for name, pin in known.items():
        needed_by = {normalized(line) for line in pin.via if not line.startswith(("private-cloud ", "-c "))}
        assert needed_by <= set(known), f"{name} is pinned for {needed_by - set(known)}, which is not pinned"
        assert needed_by or is_declared(pin), f"nothing needs {name}"


def test_what_both_files_pin_is_pinned_to_one_version():
    program, tests = pins(PROGRAM.read_text()), pins(TESTS.read_text())
    both = set(program) & set(tests)
    assert {name: tests[name].version for name in both} == {name: program[name].version for name in both}
