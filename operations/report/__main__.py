"""The command behind `make report`: what a stack's next `up` will do, to whom, and what has drifted. Changes nothing.

Exit codes: 0, the report is made; 1, it is not, or the preview failed and the report, which is made all the same, says
so; 2, the command was called wrongly; 3, the report is made, and something in it is of the class that --fail-on names,
or worse.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clients.errors import CloudError
from clients.openstack import connect
from operations.engine import EngineError, Stack
from operations.report import live
from operations.report.change import changes
from operations.report.cloud_map import cloud_map
from operations.report.dependents import Dependents
from operations.report.drift import Drift, drift
from operations.report.event_log import event_log, lines_of
from operations.report.judged import Judged
from operations.report.live import Live
from operations.report.policy import Violation, violations
from operations.report.redaction import text
from operations.report.rendering import markdown, page
from operations.report.report import Report
from operations.report.risk import NotKnown, Risk
from operations.report.rules import judge

FAILED, AS_BAD_AS_ASKED = 1, 3
_WORDS = {risk.word: risk for risk in Risk}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command."""
    arguments = _arguments(words)
    try:
        report = make(
            Stack(arguments.stack), shlex.split(arguments.preview_args), with_drift=not arguments.no_drift
        )
    except EngineError as error:
        sys.stderr.write(f"report: {text(str(error))}\n")
        return FAILED
    to_here = arguments.markdown == "-"
    write(
        report,
        markdown_to=None if to_here else Path(arguments.markdown),
        html_to=arguments.html,
        json_to=arguments.json,
    )
    if to_here:
        sys.stdout.write(markdown(report))
    if report.errors:
        sys.stderr.write("report: the preview failed; the report says why\n")
    return exit_code(report, arguments.fail_on)


def write(report: Report, *, markdown_to: Path | None, html_to: Path | None, json_to: Path | None) -> None:
    """Write REPORT in each form that has a path."""
    if markdown_to:
        markdown_to.write_text(markdown(report), encoding="utf-8")
    if html_to:
        html_to.write_text(page(report), encoding="utf-8")
    if json_to:
        told = json.dumps(report.as_data(), indent=1, ensure_ascii=False)
        json_to.write_text(f"{told}\n", encoding="utf-8")


def exit_code(report: Report, fail_on: str | None) -> int:
    """What the command ends with for REPORT; FAIL_ON is the word of a class, or nothing."""
    if report.errors:
        return FAILED
    bad = fail_on and report.changes and report.risk.rank >= _WORDS[fail_on].rank
    return AS_BAD_AS_ASKED if bad else 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make report", description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack, whose file is Pulumi.STACK.yaml")
    parser.add_argument("--markdown", default="-", metavar="FILE", help="where the Markdown goes; - is here")
    parser.add_argument("--html", type=Path, metavar="FILE", help="where the page goes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the same goes as data")
    parser.add_argument(
        "--fail-on", choices=_WORDS, help="end with 3 where something is of this class or of a later one"
    )
    parser.add_argument("--no-drift", action="store_true", help="do not look for drift")
    parser.add_argument(
        "--preview-args",
        default="",
        metavar="WORDS",
        help="more words for `pulumi preview`, such as '--policy-pack policy'",
    )
    return parser.parse_args(words)


def make(stack: Stack, preview_words: Sequence[str] = (), *, with_drift: bool = True) -> Report:
    """The report of STACK.

    Raises:
        EngineError: there is no preview at all.
    """
    preview, errors, broken = _preview(stack, preview_words)
    if errors and not preview.get("steps") and not broken:
        raise EngineError("pulumi preview fails. It says:\n" + "\n".join(errors))
    everything = changes(preview)
    happening = [change for change in everything if change.happens]
    with _live(preview, asked=bool(happening)) as found:
        cloud = Dependents(found)
        judged = sorted(
            (Judged(change, judge(change, cloud)) for change in happening),
            key=lambda one: (-one.verdict.risk.rank, one.word, one.change.name),
        )
    things = [change for change in everything if change.custom and not change.type.startswith("pulumi:")]
    return Report(
        stack=stack.name,
        changes=tuple(judged),
        unchanged=len(things) - len(happening),
        drift=_drift(stack) if with_drift else NotKnown("it was not looked for"),
        violations=broken,
        warnings=tuple(_said(preview, "warning")),
        errors=tuple(map(text, errors)),
        map=cloud_map(everything, judged, found.generations),
    )


def _preview(stack: Stack, words: Sequence[str]) -> tuple[dict[str, Any], list[str], tuple[Violation, ...]]:
    with event_log() as log:
        preview, errors = stack.preview("--show-sames", "--event-log", str(log), *words)
        return preview, errors, violations(lines_of(log))


def _said(preview: Mapping[str, Any], severity: str) -> Iterator[str]:
    for entry in preview.get("diagnostics") or ():
        if entry.get("severity") == severity:
            yield text(str(entry.get("message", ""))).strip().removeprefix(f"{severity}: ")


@contextmanager
def _live(preview: Mapping[str, Any], *, asked: bool) -> Iterator[Live]:
    """The cloud that the stack file names; where it cannot be reached, nothing of it is known."""
    if not asked:
        yield live.nobody("nothing changes, so the cloud was not asked")
        return
    name = _cloud_name(preview)
    try:
        with connect(name) as connection:
            yield live.look(connection)
    except CloudError as error:
        yield live.nobody(text(str(error).splitlines()[0]))


def _cloud_name(preview: Mapping[str, Any]) -> str:
    try:
        return str(json.loads(preview["config"]["private-cloud:openstack"])["cloud"])
    except (KeyError, TypeError, ValueError):
        return os.environ.get("OS_CLOUD", "")


def _drift(stack: Stack) -> tuple[Drift, ...] | NotKnown:
    with event_log() as log:
        _, errors = stack.refreshed("--event-log", str(log))
        lines = lines_of(log)
    if errors:
        return NotKnown(f"pulumi refresh fails: {text(errors[0]).splitlines()[0]}")
    return drift(lines)


if __name__ == "__main__":
    os.environ.setdefault("PULUMI_SKIP_UPDATE_CHECK", "true")
    sys.exit(main())
