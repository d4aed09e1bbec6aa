"""The report as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from operations.report.risk import NotKnown, Risk
from operations.report.rules.rule import singular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from operations.report.judged import Judged
    from operations.report.report import Report
    from operations.report.risk import Fact

LONGEST = 60_000
"""Characters: GitHub refuses comments above 65 536."""

SIGNS = {
    Risk.HARMLESS: "🟢",
    Risk.INTERRUPTS: "🟡",
    Risk.LOSES_DATA: "🔴",
    Risk.NEEDS_A_PERSON: "🟣",
}
_MOST_NAMED = 5
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_MENTION = re.compile(r"(?<!\w)([@#])(?=\w)")
_LINK = re.compile(r"(://|\bwww\.)", re.IGNORECASE)
_NOTHING = "&#8203;"  # a space of no width: GitHub heeds no backslash before @ and #


def markdown(report: Report) -> str:
    """REPORT, at most LONGEST characters."""
    parts = [
        *_head(report),
        *_errors(report),
        *_policy(report),
        *_touched(report),
        *_changes(report),
        *_replaced(report),
        *_long_steps(report),
        *_drift(report),
        *_warnings(report),
    ]
    return _cut("\n".join(parts) + "\n")


def plain(text: str) -> str:
    """TEXT so that Markdown shows it as it is: one line, no markup, no mention, no link, no HTML."""
    line = escape(" ".join(text.split()), quote=False)
    line = _SPECIAL.sub(r"\\\1", line)
    line = _MENTION.sub(rf"\1{_NOTHING}", line)
    return _LINK.sub(
        lambda found: found[1].replace("/", f"{_NOTHING}/", 1).replace(".", f"{_NOTHING}."), line
    )


def facts_words(facts: Sequence[Fact]) -> str:
    """FACTS in words; what is not known for one reason is told in one."""
    known = [fact_words(fact) for fact in facts if not isinstance(fact.count, NotKnown)]
    unknown: dict[str, list[str]] = {}
    for fact in facts:
        if isinstance(fact.count, NotKnown):
            unknown.setdefault(fact.count.reason, []).append(fact.what)
    return "; ".join(
        [*known, *(f"{', '.join(what)}: {NotKnown(reason)}" for reason, what in unknown.items())]
    )


def fact_words(fact: Fact) -> str:
    """FACT in words, such as `3 instances (a, b, c)` or `instances: not known: …`."""
    if isinstance(fact.count, NotKnown):
        return f"{fact.what}: {fact.count}"
    named = ", ".join(fact.names[:_MOST_NAMED])
    more = fact.count - _MOST_NAMED
    if more > 0 and named:
        named += f" and {more} more"
    shown = f" ({named})" if named and fact.what != "ports" else ""
    return f"{fact.count} {singular(fact.what, fact.count)}{shown}"


def _head(report: Report) -> Iterator[str]:
    yield f"## {'⛔' if report.errors else SIGNS[report.risk]} Stack {plain(report.stack)}: {report.verdict}"
    yield ""
    counted = [f"{SIGNS[risk]} {count} {risk.value}" for risk, count in report.counts.items() if count]
    kept = f"{report.unchanged} unchanged"
    yield " · ".join([*counted, kept])
    yield ""


def _errors(report: Report) -> Iterator[str]:
    if report.errors:
        yield "### The preview failed: what is below is not the whole"
        yield ""
        yield from (f"- {plain(error)}" for error in report.errors)
        yield ""


def _policy(report: Report) -> Iterator[str]:
    if report.violations:
        yield "### Policy"
        yield ""
        yield from _table(
            ("level", "rule", "what", "says"),
            (
                (f"**{found.level}**" if found.level == "mandatory" else found.level, *map(plain, rest))
                for found in report.violations
                for rest in [(found.policy, found.what or "the whole stack", found.message)]
            ),
        )


def _touched(report: Report) -> Iterator[str]:
    if not report.changes:
        return
    yield "### Who and what is concerned"
    yield ""
    for kind, names in report.touched.items():
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""  # noqa: PLR2004 - a line's worth
        yield f"- {kind}: {plain(', '.join(names[:10]))}{more}"
    if report.risk is not Risk.HARMLESS:
        yield f"- depending on what is not harmless: {plain(facts_words(report.radius) or 'nobody')}"
    yield ""


def _changes(report: Report) -> Iterator[str]:
    for risk in reversed(Risk):
        found = [judged for judged in report.changes if judged.verdict.risk is risk]
        if not found:
            continue
        folded = risk is Risk.HARMLESS
        yield f"### {SIGNS[risk]} {risk.value.capitalize()} ({len(found)})"
        yield ""
        if folded:
            yield "<details><summary>show</summary>"
            yield ""
        for judged in found:
            yield from _change(judged)
        if folded:
            yield ""
            yield "</details>"
        yield ""


def _change(judged: Judged) -> Iterator[str]:
    yield f"- **{plain(judged.title)}**: {plain(judged.verdict.sentence)}"
    if judged.verdict.facts:
        yield f"  - depending on it: {plain(facts_words(judged.verdict.facts))}"
    if judged.change.operation != "create":
        for key in judged.change.keys:
            yield f"  - {plain(key.key)}: {plain(key.old)} → {plain(key.new)}"


def _replaced(report: Report) -> Iterator[str]:
    if report.replaced:
        yield "### Replaced, and why"
        yield ""
        yield from _table(
            ("what", "because of"),
            (
                (plain(f"{judged.word} {judged.change.name}"), plain("; ".join(judged.why_replaced)))
                for judged in report.replaced
            ),
        )


def _long_steps(report: Report) -> Iterator[str]:
    if report.long_steps:
        yield "### Long steps"
        yield ""
        yield from _table(
            ("step", "should take", "says"),
            (
                (plain(judged.title), plain(judged.duration.words), plain(judged.duration.source or "-"))
                for judged in report.long_steps
                if judged.duration
            ),
        )


def _drift(report: Report) -> Iterator[str]:
    yield "### Drift"
    yield ""
    if isinstance(report.drift, NotKnown):
        yield plain(str(report.drift)).capitalize()
        yield ""
    elif not report.drift:
        yield "None: the cloud is as the last `up` left it."
        yield ""
    else:
        yield from _table(
            ("what", "key", "declared", "real"),
            (tuple(map(plain, (one.what, one.key or "-", one.declared, one.real))) for one in report.drift),
        )


def _warnings(report: Report) -> Iterator[str]:
    if report.warnings:
        yield f"<details><summary>Warnings of the preview ({len(report.warnings)})</summary>"
        yield ""
        yield from (f"- {plain(warning)}" for warning in report.warnings)
        yield ""
        yield "</details>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    kept = text[:LONGEST].rpartition("\n")[0]
    closing = "\n</details>\n" if kept.count("<details>") > kept.count("</details>") else "\n"
    return (
        f"{kept}\n{closing}\n**Cut here: the rest is too long for a comment. The HTML page has all of it.**\n"
    )
