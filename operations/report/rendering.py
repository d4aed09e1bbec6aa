"""The report as text: a page (page.html.j2) and a comment on a pull request (comment.md.j2).

The page needs nothing else: no script, no file, no network, and a policy that forbids them.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from operations.report.boxes import changed_first
from operations.report.report import Report
from operations.report.risk import NotKnown, Risk, in_words
from program.version import version

LONGEST = 60_000
"""Characters: GitHub refuses comments above 65 536."""

_FOLDER = Path(__file__).parent
_SIGNS = {
    Risk.HARMLESS: "🟢",
    Risk.INTERRUPTS: "🟡",
    Risk.LOSES_DATA: "🔴",
    Risk.NEEDS_A_PERSON: "🟣",
}
_LEADS = {
    Risk.HARMLESS: "Nobody notices.",
    Risk.INTERRUPTS: "Somebody notices: something stops for a while, or has to be done anew.",
    Risk.LOSES_DATA: "What goes does not come back by itself.",
    Risk.NEEDS_A_PERSON: "Somebody has to look, or to act, before this is applied.",
}
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_MENTION = re.compile(r"(?<!\w)([@#])(?=\w)")
_LINK = re.compile(r"(://|\bwww\.)", re.IGNORECASE)
_NOTHING = "&#8203;"  # a space of no width: GitHub heeds no backslash before @ and #


def page(report: Report) -> str:
    """REPORT as a page of HTML."""
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    template = _environment(autoescape=True).get_template("page.html.j2")
    return template.render(report=report, style=Markup(style), digest=digest, leads=_LEADS)  # noqa: S704 - our own


def markdown(report: Report) -> str:
    """REPORT as Markdown, at most LONGEST characters and a last line."""
    template = _environment(autoescape=False, finalize=lambda value: plain(str(value))).get_template(
        "comment.md.j2"
    )
    text = template.render(report=report, signs=_SIGNS)
    if len(text) <= LONGEST:
        return text
    kept = text[:LONGEST].rpartition("\n")[0]
    closing = "\n</details>\n" if kept.count("<details>") > kept.count("</details>") else "\n"
    return (
        f"{kept}\n{closing}\n**Cut here: the rest is too long for a comment. The HTML page has all of it.**\n"
    )


def as_json(report: Report) -> str:
    """REPORT for machines."""
    return json.dumps(report.as_data(), indent=1, ensure_ascii=False) + "\n"


def plain(text: str) -> str:
    """TEXT so that Markdown shows it as it is: one line, no markup, no mention, no link, no HTML."""
    line = escape(" ".join(text.split()), quote=False)
    line = _SPECIAL.sub(r"\\\1", line)
    line = _MENTION.sub(rf"\1{_NOTHING}", line)
    return _LINK.sub(
        lambda found: found[1].replace("/", f"{_NOTHING}/", 1).replace(".", f"{_NOTHING}."), line
    )


def _environment(*, autoescape: bool, finalize: Callable[[object], str] | None = None) -> Environment:
    """Templates in which every value is escaped: by Jinja for HTML, by FINALIZE for Markdown."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=autoescape,  # noqa: S701 - FINALIZE escapes where it is off
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"changed_first": changed_first, "in_words": in_words}
    made.tests["not_known"] = lambda value: isinstance(value, NotKnown)
    made.globals |= {"risks": tuple(reversed(Risk)), "version": version()}
    return made
