"""Where the cloud is not as the last `up` left it: what `pulumi refresh --preview-only --json` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operations.report.change import root, value_of
from operations.report.redaction import clean, shown
from operations.report.rules.judge import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GONE = "it is not there any more"
_FOUND_BY_READ = ("damage", "drift", "unmet")
"""Outputs in which dynamic providers tell, as sentences, what is not as it should be."""


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


def drift(refresh: Mapping[str, Any]) -> tuple[Drift, ...]:
    """What REFRESH, a preview of a refresh as JSON, shows."""
    return tuple(
        found for step in refresh.get("steps") or [] if _of_the_cloud(step) for found in _differences(step)
    )


def _of_the_cloud(step: Mapping[str, Any]) -> bool:
    state = step.get("oldState") or step.get("newState") or {}
    return bool(state.get("custom")) and not str(state.get("type")).startswith("pulumi:")


def _differences(step: Mapping[str, Any]) -> Iterator[Drift]:
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    kind = str(old.get("type", ""))
    rule = RULES.get(kind)
    name = str(step["urn"]).rpartition("::")[2]
    what = f"{rule.word if rule else kind.rpartition(':')[2]} {name}"
    if step["op"] == "delete":
        yield Drift(what, "", "there", _GONE)
        return
    if step["op"] != "update":
        return
    secret = {*(old.get("additionalSecretOutputs") or ()), *(new.get("additionalSecretOutputs") or ())}
    before, after = (
        clean({**(one.get("outputs") or {}), **(one.get("inputs") or {})}, secret) for one in (old, new)
    )
    named = {root(path) for path in (*(step.get("diffReasons") or ()), *(step.get("detailedDiff") or {}))}
    for key in sorted({*named, *_told(before, after)} - {"__provider", "id"}):
        if key in _FOUND_BY_READ:
            yield Drift(what, key, "as declared", "; ".join(map(str, after.get(key) or ())) or shown([]))
        elif before.get(key) != after.get(key):
            yield Drift(what, key, value_of(before, key), value_of(after, key))


def _told(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return {key for key in _FOUND_BY_READ if after.get(key) and before.get(key) != after.get(key)}
