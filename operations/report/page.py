"""The report as one HTML page that needs nothing else: no script, no file, no network, and a policy that forbids it."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from operations.report.drawing import drawing
from operations.report.markdown import facts_words
from operations.report.risk import NotKnown, Risk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from operations.report.judged import Judged
    from operations.report.report import Report

STYLE = Path(__file__).with_name("page.css")
_LEAD = {
    Risk.HARMLESS: "Nobody notices.",
    Risk.INTERRUPTS: "Somebody notices: something stops for a while, or has to be done anew.",
    Risk.LOSES_DATA: "What goes does not come back by itself.",
    Risk.NEEDS_A_PERSON: "Somebody has to look, or to act, before this is applied.",
}


def page(report: Report) -> str:
    """The page of REPORT."""
    style = STYLE.read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    title = escape(f"Stack {report.stack}: {report.verdict}")
    body = "".join(
        [
            *_head(report, title),
            *_errors(report),
            *_policy(report),
            *_concerned(report),
            *_map(report),
            *_changes(report),
            *_replaced(report),
            *_long_steps(report),
            *_drift(report),
            *_warnings(report),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _head(report: Report, title: str) -> Iterator[str]:
    yield f'<header><p class="eyebrow">Risk report</p><h1>{title}</h1>'
    if report.changes:
        yield f"<p>{escape(_LEAD[report.risk])}</p>"
    yield '<ul class="counts">'
    for risk, count in report.counts.items():
        none = "" if count else " none"
        yield f'<li class="{risk.word}{none}"><b>{count}</b> {escape(risk.value)}</li>'
    yield f'<li class="none"><b>{report.unchanged}</b> unchanged</li></ul></header>\n'


def _errors(report: Report) -> Iterator[str]:
    if report.errors:
        yield '<section class="failed"><h2>The preview failed: what is below is not the whole</h2>'
        yield "".join(f"<pre>{escape(error)}</pre>" for error in report.errors)
        yield "</section>\n"


def _policy(report: Report) -> Iterator[str]:
    if report.violations:
        yield "<section><h2>Policy</h2>"
        yield _table(
            ("level", "rule", "what", "says"),
            (
                (found.level, found.policy, found.what or "the whole stack", found.message)
                for found in report.violations
            ),
        )
        yield "</section>\n"


def _concerned(report: Report) -> Iterator[str]:
    if not report.changes:
        return
    yield '<section><h2>Who and what is concerned</h2><div class="two"><div><h3>Changed</h3><dl>'
    for kind, names in report.touched.items():
        yield f"<dt>{escape(kind)}</dt><dd>{escape(', '.join(names))}</dd>"
    yield "</dl></div><div><h3>Depending on what is not harmless</h3>"
    if report.radius:
        yield "<ul>" + "".join(f"<li>{escape(facts_words([fact]))}</li>" for fact in report.radius) + "</ul>"
    else:
        yield "<p>Nobody.</p>"
    yield "</div></div></section>\n"


def _map(report: Report) -> Iterator[str]:
    yield '<section><h2>The cloud</h2><p class="legend">'
    yield " ".join(f'<span class="{risk.word}">{escape(risk.value)}</span>' for risk in reversed(Risk))
    yield " What bears no word stays as it is. A dot at a network: every project may use it. "
    yield "Roles and pools are those that this stack declares, and no others.</p>"
    yield f'<div class="map" tabindex="0" role="region" aria-label="Drawing of the cloud">{drawing(report.map)}</div>'
    yield "</section>\n"


def _changes(report: Report) -> Iterator[str]:
    for risk in reversed(Risk):
        found = [judged for judged in report.changes if judged.verdict.risk is risk]
        if not found:
            continue
        yield f'<section><h2><span class="dot {risk.word}"></span>{escape(risk.value.capitalize())} ({len(found)})</h2>'
        yield f'<p class="note">{escape(_LEAD[risk])}</p>'
        yield "".join(_change(judged) for judged in found)
        yield "</section>\n"


def _change(judged: Judged) -> str:
    change, verdict = judged.change, judged.verdict
    title = f'<span class="op">{escape(change.operation)}</span> {escape(judged.word)} <b>{escape(change.name)}</b>'
    parts = [f'<article class="{verdict.risk.word}"><h3>{title}</h3><p>{escape(verdict.sentence)}</p>']
    if verdict.facts:
        parts.append('<p class="facts">Depending on it: ')
        parts.append(escape(facts_words(verdict.facts)) + "</p>")
    if change.keys and change.operation != "create":
        rows = (
            (key.key + (" (replaces it)" if key.replaces else ""), key.old, key.new) for key in change.keys
        )
        parts.append(_table(("key", "now", "will be"), rows))
    parts.append("</article>")
    return "".join(parts)


def _replaced(report: Report) -> Iterator[str]:
    if report.replaced:
        yield "<section><h2>Replaced, and why</h2>"
        yield _table(
            ("what", "because of"),
            (
                (f"{judged.word} {judged.change.name}", "; ".join(judged.why_replaced))
                for judged in report.replaced
            ),
        )
        yield "</section>\n"


def _long_steps(report: Report) -> Iterator[str]:
    if report.long_steps:
        yield "<section><h2>Long steps</h2>"
        yield _table(
            ("step", "should take", "the figure is from"),
            (
                (judged.title, judged.duration.words, judged.duration.source or "-")
                for judged in report.long_steps
                if judged.duration
            ),
        )
        yield "</section>\n"


def _drift(report: Report) -> Iterator[str]:
    yield "<section><h2>Drift</h2>"
    if isinstance(report.drift, NotKnown):
        yield f"<p>{escape(str(report.drift).capitalize())}</p>"
    elif not report.drift:
        yield "<p>None: the cloud is as the last <code>up</code> left it.</p>"
    else:
        yield _table(
            ("what", "key", "declared", "real"),
            ((one.what, one.key or "-", one.declared, one.real) for one in report.drift),
        )
    yield "</section>\n"


def _warnings(report: Report) -> Iterator[str]:
    if report.warnings:
        yield f"<section><details><summary>Warnings of the preview ({len(report.warnings)})</summary>"
        yield "".join(f"<pre>{escape(warning)}</pre>" for warning in report.warnings)
        yield "</details></section>\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
