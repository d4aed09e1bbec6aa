"""Every page's links lead somewhere, and the make targets that pages name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`[^`\n]*`")


def prose(page: Path) -> str:
    """The page without code."""
    return INLINE.sub("", BLOCK.sub("", text(page)))


def code(page: Path) -> str:
    """The page's code, a line for each line of a block and for each inline piece."""
    blocks, rest = BLOCK.findall(text(page)), BLOCK.sub("", text(page))
    return "\n".join((*blocks, *(found.strip("`") for found in INLINE.findall(rest))))


def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """The links of the page whose file or heading is not there."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"^(?:\$ )?make ([a-z][a-z-]*)", code(page), re.MULTILINE))
    assert named <= TARGETS


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n[no file](none.md) [no heading](#none) [here](#a-page) [web](https://x.example)\n"
    )
    assert broken(page) == ["none.md", "#none"]


def test_make_help_lists_every_target() -> None:
    listed = re.findall(r"^([a-z-]+):.*## ", text(ROOT / "Makefile"), re.MULTILINE)
    assert set(listed) == TARGETS
