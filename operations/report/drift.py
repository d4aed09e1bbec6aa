"""Where the cloud is not as the last `up` left it: what the event log of `pulumi refresh --preview-only` tells.

Not its `--json`: that leaves out what providers find without a diff of their own, as all dynamic ones do (pulumi 3.259,
backend/display/json.go).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dynamic_providers.base import FOUND_BY_READ
from operations.report.change import root, value_of
from operations.report.event_log import events
from operations.report.redaction import clean
from operations.report.rules.judge import RULES

_GONE = "it is not there any more"


@dataclass(frozen=True)
class Drift:
    """A property of the cloud that somebody changed beside this program.

    Attributes:
        what: the thing, such as "network vms".
        key: the property; empty where the thing is gone.
        declared: as the last `up` left it.
        real: as it is.
    """

    what: str
    key: str
    declared: str
    real: str


def drift(log: Iterable[str]) -> tuple[Drift, ...]:
    """What LOG, the lines of a refresh's event log, tells."""
    found: dict[Drift, None] = {}
    for step in _steps(log):
        found |= dict.fromkeys(_differences(step))
    return tuple(sorted(found, key=lambda one: (one.what, one.key)))


def _steps(log: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for event in events(log, "resOutputsEvent"):
        step = event.get("metadata") or {}
        old = step.get("old") or {}
        if old.get("custom") and not str(old.get("type")).startswith("pulumi:"):
            yield step


def _differences(step: Mapping[str, Any]) -> Iterator[Drift]:
    old, new = step.get("old") or {}, step.get("new") or {}
    kind = str(old["type"])
    rule = RULES.get(kind)
    what = f"{rule.word if rule else kind.rpartition(':')[2]} {str(step['urn']).rpartition('::')[2]}"
    if step["op"] == "delete":
        yield Drift(what, "", "there", _GONE)
        return
    if step["op"] != "update":
        return
    before, after = (clean({**(one.get("outputs") or {}), **(one.get("inputs") or {})}) for one in (old, new))
    declared = {*(old.get("inputs") or {}), *(new.get("inputs") or {})}
    named = {root(path) for path in (*(step.get("diffs") or ()), *(step.get("detailedDiff") or {}))}
    for key in sorted((declared | named) - {"__provider", "__defaults", "id"}):
        if before.get(key) != after.get(key):
            yield Drift(what, key, value_of(before, key), value_of(after, key))
    for key in FOUND_BY_READ:
        if after.get(key) and before.get(key) != after.get(key):
            yield Drift(what, key, "as declared", "; ".join(map(str, after[key])))
