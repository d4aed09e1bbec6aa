"""A report is made: what a stack's next `up` would do, read from a preview, the live cloud and a refresh. Changes nothing."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from clients.errors import CloudError
from clients.openstack import connect
from operations.engine import Stack
from operations.report import live
from operations.report.change import changes
from operations.report.cloud_map import cloud_map
from operations.report.dependents import Dependents
from operations.report.drift import Drift, drift
from operations.report.event_log import event_log, lines_of
from operations.report.live import Live
from operations.report.policy import Violation, violations
from operations.report.redaction import text
from operations.report.report import Report
from operations.report.risk import NotKnown
from operations.report.rules.judge import Judged, judge


def make(stack: Stack, preview_words: Sequence[str] = (), *, with_drift: bool = True) -> Report:
    """The report of STACK.

    Raises:
        CloudError: there is no preview at all.
    """
    preview, errors, broken = _preview(stack, preview_words)
    if errors and not preview.get("steps") and not broken:
        raise CloudError("pulumi preview fails. It says:\n" + "\n".join(errors))
    everything = changes(preview)
    happening = [change for change in everything if change.happens]
    with _live(preview, needed=bool(happening)) as found:
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
        warnings=tuple(
            text(str(entry.get("message", ""))).strip().removeprefix("warning: ")
            for entry in preview.get("diagnostics") or ()
            if entry.get("severity") == "warning"
        ),
        errors=tuple(map(text, errors)),
        map=cloud_map(everything, judged, found.generations),
    )


def _preview(stack: Stack, words: Sequence[str]) -> tuple[dict[str, Any], list[str], tuple[Violation, ...]]:
    with event_log() as log:
        preview, errors = stack.preview("--show-sames", "--event-log", str(log), *words)
        return preview, errors, violations(lines_of(log))


@contextmanager
def _live(preview: Mapping[str, Any], *, needed: bool) -> Iterator[Live]:
    """The cloud that the stack file names; where it cannot be reached, nothing of it is known."""
    if not needed:
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
