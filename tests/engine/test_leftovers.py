"""What a killed run left in the state beside what stands for the same object, by the real engine and real files.

tests/lab/test_replace.py tries the same on a real cloud.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.program_copy import ProgramCopy

STACK = "left"
PROGRAM = """
import json
from pathlib import Path

from dynamic_providers.ceph_login_files.provider import CephLoginFiles

for name, declared in json.loads(Path("logins.json").read_text(encoding="utf-8")).items():
    CephLoginFiles(name, **declared)
"""


class Logins:
    """A stack of nothing but files, each with its own name as its text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "logins"
        self._program = ProgramCopy.make(folder / "copy", {})
        (self._program.folder / "__main__.py").unlink()
        (self._program.folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
        self._program.stack(STACK, "config: {}\n")

    def up(self, resources: Mapping[str, set[str]], *arguments: str) -> None:
        """Brings it to RESOURCES: the files of each, all in one folder."""
        declared = {
            name: {"folder": str(self.folder), "texts": {file: file for file in files}}
            for name, files in resources.items()
        }
        (self._program.folder / "logins.json").write_text(json.dumps(declared), encoding="utf-8")
        self.pulumi("up", "--skip-preview", *arguments)

    def pulumi(self, command: str, *arguments: str) -> None:
        """Runs an operation on the stack."""
        self._program.succeed(command, "--yes", "--stack", STACK, *arguments)

    def state(self) -> list[dict[str, Any]]:
        """The files' resources in the state."""
        resources = self._exported()["deployment"].get("resources", [])
        return [each for each in resources if "LoginFiles" in each["type"]]

    def leave_behind(self, resource: Mapping[str, Any], **changed: object) -> None:
        """Adds a copy of RESOURCE to the state."""
        state = self._exported()
        state["deployment"]["resources"].append({**resource, **changed})
        self._program.import_state(STACK, json.dumps(state))

    def _exported(self) -> dict[str, Any]:
        exported: dict[str, Any] = json.loads(
            self._program.succeed("stack", "export", "--show-secrets", "--stack", STACK)
        )
        return exported

    def files(self) -> set[str]:
        """What is really there."""
        return {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()


@pytest.fixture
def logins(tmp_path: Path) -> Logins:
    return Logins(tmp_path)


def test_a_leftover_of_a_replacement_takes_nothing_from_what_stays_as_it_is(logins: Logins) -> None:
    logins.up({"nova": {"key", "conf"}})
    (nova,) = logins.state()
    logins.leave_behind(nova, delete=True)
    logins.up({"nova": {"key", "conf"}})
    assert logins.files() == {"key", "conf"}
    assert logins.state() == [nova]


def test_what_was_taken_out_takes_nothing_from_what_stands_for_the_same_and_stays_as_it_is(
    logins: Logins,
) -> None:
    """As after a kill between the create under a new name and the delete of the old one."""
    logins.up({"old": {"key", "conf"}})
    (old,) = logins.state()
    logins.up({"new": {"key"}})
    logins.leave_behind(old)
    (logins.folder / "conf").write_text("conf", encoding="utf-8")
    logins.up({"new": {"key"}})
    assert logins.files() == {"key"}, "what the new one does not declare goes"
    assert len(logins.state()) == 1


@pytest.mark.parametrize(
    "how",
    [
        [],
        pytest.param(["--refresh"], marks=pytest.mark.nightly),
        pytest.param(["--run-program"], marks=pytest.mark.nightly),
        ["--refresh", "--run-program"],
    ],
    ids=str,
)
def test_a_destroy_removes_it_all_the_same(logins: Logins, how: list[str]) -> None:
    logins.up({"nova": {"key"}})
    logins.leave_behind(*logins.state(), delete=True)
    logins.pulumi("destroy", "--skip-preview", *how)
    assert not logins.folder.exists()
    assert logins.state() == []


@pytest.mark.parametrize(
    "how",
    [[], pytest.param(["--refresh"], marks=pytest.mark.nightly), ["--refresh", "--run-program"]],
    ids=str,
)
def test_what_is_taken_out_goes_also_where_a_refresh_has_looked_at_it(logins: Logins, how: list[str]) -> None:
    logins.up({"nova": {"key"}})
    logins.up({}, *how)
    assert not logins.folder.exists()


def test_what_moves_leaves_nothing_behind(logins: Logins) -> None:
    logins.up({"nova": {"key"}})
    former, logins.folder = logins.folder, logins.folder.with_name("elsewhere")
    logins.up({"nova": {"key"}})
    assert logins.files() == {"key"}
    assert not former.exists()
