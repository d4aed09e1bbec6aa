"""The story of docs/story.md, from end to end: its stack file goes up, its commands print what the page says."""

import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.settings import Lab
from tests.lab.cloud_stack import lab_environment
from tests.lab.guests import skip_without_qemu
from tests.program_copy import ROOT, ProgramCopy

pytestmark = pytest.mark.xdist_group(name="qemu")

PAGE = (ROOT / "docs" / "story.md").read_text(encoding="utf-8")
NAMES = ("company", "workshop", "builder", "developer-servers", "general-servers", "workbench", "golden")
STACK = "story"
BETWEEN = "\x1e"  # commands, in what they print


def blocks(page: str, language: str) -> list[str]:
    """The page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def told(transcript: str) -> list[tuple[str, str]]:
    """Each command of a transcript, and what the page says it prints."""
    parts = re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", transcript, re.MULTILINE)
    assert parts
    return parts


def pattern(shown: str) -> str:
    """What the page says is printed, as a regular expression."""
    return ".+".join(re.escape(part) for part in shown.rstrip().split("…"))


@pytest.fixture
def page() -> str:
    """The page, with names that are this run's own."""
    suffix = secrets.token_hex(3)
    return re.sub(rf"\b({'|'.join(NAMES)})\b", rf"\1-{suffix}", PAGE)


@pytest.fixture
def program(lab: Lab, page: str, tmp_path: Path) -> Iterator[ProgramCopy]:
    skip_without_qemu(lab)
    made = ProgramCopy.make(tmp_path, lab_environment())
    (stack_file,) = blocks(page, "yaml")
    made.stack(STACK, stack_file)
    try:
        made.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
        yield made
    finally:
        made.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)


def test_the_page_declares_what_it_names() -> None:
    config = yaml.safe_load(blocks(PAGE, "yaml")[0])["config"]
    kinds = ("domains", "projects", "accounts", "networks", "flavors", "images")
    assert {entry["name"] for kind in kinds for entry in config[f"private-cloud:{kind}"]} == set(NAMES)


def test_every_command_of_the_page_prints_what_it_says(lab: Lab, page: str, program: ProgramCopy) -> None:
    commands = told("".join(blocks(page, "console")))
    script = "".join(f"printf '\\x1e'\n{command}\n" for command, _ in commands)
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=program.folder,
        env={**program.environment, "PATH": f"{lab.binaries}:{program.environment['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    printed = done.stdout.split(BETWEEN)[1:]
    for (command, shown), output in zip(commands, printed, strict=False):
        assert re.fullmatch(pattern(shown), output.replace("\r", "").rstrip()), (command, output, done.stderr)
    assert done.returncode == 0, done.stderr
