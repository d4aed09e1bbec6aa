"""docs/architecture.md: every file that it names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def missing(text: str) -> list[str]:
    """The files and folders between backquotes that are not there; a bare name is one of the folder named before."""
    folder, found = ROOT, []
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", text):
        if "/" in name:
            path = ROOT / name
            folder = path if name.endswith("/") else path.parent
            there = path.exists()
        else:
            there = any(path.name == name for path in (*ROOT.glob("*.py"), *folder.rglob("*.py")))
        if not there:
            found.append(name)
    return found


def test_every_file_that_the_page_names_is_there() -> None:
    assert missing(TEXT) == []


@pytest.mark.parametrize("name", ["config/no_such.py", "no_such_folder/"])
def test_a_file_that_is_not_there_is_found(name: str) -> None:
    assert missing(f"`config/host.py`, `{name}`") == [name]


def test_a_bare_name_is_looked_for_in_the_folder_before() -> None:
    assert missing("`config/checks/identity.py`, `names.py`") == []
    assert missing("`components/hosts/enrolment.py`, `names.py`") == ["names.py"]
