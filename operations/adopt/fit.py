"""What of the found entries the stack file can hold: the rest is left out, with the model's own sentence."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clients.errors import CloudError
from config.checks.cross_checks import cross_checks
from config.errors.issues import ValidationIssue
from config.errors.sentences import issue_of
from config.fields import ROOT
from config.settings import Settings
from operations.adopt.found import LeftOut
from operations.stack_file.entry import Entry

Declared = dict[str, Any]
"""The stack file's keys, without their namespace."""


def fitting(
    declared: Mapping[str, Any], entries: list[Entry], root: Path
) -> tuple[list[Entry], list[LeftOut]]:
    """Those of ENTRIES that can be added to DECLARED, as a person would write them; and what cannot.

    A subnet or share that does not fit is left out by itself, its network stays. DECLARED has no mistakes of
    its own; ROOT is the project's folder.

    Raises:
        CloudError: an entry of DECLARED itself would be wrong beside ENTRIES.
    """
    left_out: list[LeftOut] = []
    while True:
        raw, places = _together(declared, entries)
        settings, problems = _checked(raw, root)
        if settings is not None and not problems:
            break
        first: dict[int, ValidationIssue] = {}
        for problem in problems:
            if problem.path[:2] in places:
                first.setdefault(places[problem.path[:2]], problem)
        if not first:
            raise CloudError("; ".join(problem.sentence for problem in problems))
        for index in sorted(first, reverse=True):
            entries = (
                entries[:index] + _without(entries[index], first[index], left_out) + entries[index + 1 :]
            )
    return [
        Entry.of(str(section), entries[index].title, getattr(settings, str(section))[number])
        for (section, number), index in places.items()
    ], left_out


def _together(
    declared: Mapping[str, Any], entries: list[Entry]
) -> tuple[Declared, dict[tuple[str | int, ...], int]]:
    """DECLARED with ENTRIES at their sections' ends, and the index of each by its path."""
    raw = {key: list(value) if isinstance(value, list) else value for key, value in declared.items()}
    places: dict[tuple[str | int, ...], int] = {}
    for index, entry in enumerate(entries):
        section = raw.setdefault(entry.section, [])
        places[entry.section, len(section)] = index
        section.append(entry.values)
    return raw, places


def _checked(raw: Declared, root: Path) -> tuple[Settings | None, list[ValidationIssue]]:
    try:
        settings = Settings.model_validate(raw, context={ROOT: root})
    except ValidationError as error:
        return None, [issue_of(details, Settings) for details in error.errors()]
    return settings, list(cross_checks(settings, raw))


def _without(entry: Entry, problem: ValidationIssue, left_out: list[LeftOut]) -> list[Entry]:
    """ENTRY without the subnet or share that PROBLEM is about; nothing if it is about the whole."""
    match problem.path[2:]:
        case ("subnets" | "shared_with" as key, int(number), *_):
            items = list(entry.values[key])
            item = items.pop(number)
            what = "subnet" if key == "subnets" else "share with project"
            title = f"{what} {item.get('name', item.get('project'))!r} of {entry.title}"
            left_out.append(LeftOut(title, problem.sentence))
            return [replace(entry, values={**entry.values, key: items})]
        case _:
            left_out.append(LeftOut(entry.title, problem.sentence))
            return []
