"""Reading a stack file: all of its mistakes at once, or its settings."""

import json
from pathlib import Path
from typing import Any

import pulumi
from pydantic import ValidationError

from clients.errors import CloudError
from config.checks.cross_checks import cross_checks
from config.errors.issues import KeyPath, ValidationIssue, shown
from config.errors.placeholders import Placeholders
from config.errors.pruning import Pruned, exists
from config.errors.sentences import issue_of, path_of
from config.fields import ROOT
from config.secret import in_the_clear
from config.settings import NAMESPACE, Settings


class SettingsError(CloudError, pulumi.RunError):
    """A stack file with mistakes; its text has one sentence for each. Shown without a traceback."""

    def __init__(self, file_name: str, sentences: list[str]) -> None:
        count = "1 mistake" if len(sentences) == 1 else f"{len(sentences)} mistakes"
        lines = "".join(f"\n  - {sentence}" for sentence in sentences)
        super().__init__(f"{file_name} has {count}; nothing was asked of the cloud:{lines}")
        self.sentences = sentences


def load() -> Settings:
    """The settings of the current stack; the only place that reads Pulumi's configuration.

    Raises:
        SettingsError: with every mistake of the stack file.
    """
    prefix = f"{NAMESPACE}:"
    configuration = {**pulumi.runtime.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    raw = {
        key.removeprefix(prefix): _decoded(text)
        for key, text in configuration.items()
        if key.startswith(prefix)
    }
    encrypted = frozenset(key for key in raw if pulumi.runtime.config.is_config_secret(prefix + key))
    return parse(raw, file_name=f"Pulumi.{pulumi.get_stack()}.yaml", root=Path.cwd(), encrypted=encrypted)


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text  # a plain string; the model says what should be there


def parse(
    raw: dict[str, Any], *, file_name: str, root: Path, encrypted: frozenset[str] = frozenset()
) -> Settings:
    """RAW, the keys of a stack file without their namespace, as settings.

    ROOT is the project's folder; ENCRYPTED are the keys with an encrypted value in them.

    Raises:
        SettingsError: with every mistake, in the file's order.
    """
    problems: list[ValidationIssue] = []
    pruned, placeholders = Pruned(raw, frozenset()), Placeholders(raw)
    settings: Settings | None = None
    while settings is None:
        try:
            settings = Settings.model_validate(pruned.data(), context={ROOT: root})
        except ValidationError as error:
            found = [(issue_of(details, Settings), path_of(details)) for details in error.errors()]
            if not pruned.faulty and not pruned.replaced:  # later rounds only miss what the first has refused
                problems = [problem for problem, _ in found]
            further = _without(pruned, placeholders, [pruned.original(path) for _, path in found])
            if further is None:
                break
            pruned = further
    if settings is not None:
        reported = {problem.path for problem in problems}
        found_across = (*cross_checks(settings, raw, pruned.sound), *in_the_clear(settings, encrypted))
        across = [
            ValidationIssue(pruned.original(problem.path), placeholders.without_names(problem.sentence))
            for problem in found_across
        ]
        problems += [problem for problem in across if problem.path not in reported]
    if problems or settings is None:
        order = list(Settings.model_fields)
        problems.sort(
            key=lambda problem: order.index(str(problem.path[0])) if problem.path[0] in order else -1
        )
        raise SettingsError(file_name, [_described(problem, raw) for problem in problems])
    return settings


def _without(pruned: Pruned, placeholders: Placeholders, mistakes: list[KeyPath]) -> Pruned | None:
    """Return PRUNED without the values at MISTAKES.

    A missing value is replaced by a placeholder; if none fits, its entry is removed. None if nothing is left to remove.
    """
    faulty, replaced = set(pruned.faulty), dict(pruned.replaced)
    for path in mistakes:
        if exists(pruned.raw, path) and not any(
            path[:length] in faulty for length in range(1, len(path) + 1)
        ):
            faulty.add(path)
            continue
        placeholder = placeholders.at(path)
        if placeholder is not None:
            replaced[path] = placeholder
            continue
        removable = path
        while removable and (removable in faulty or not exists(pruned.raw, removable)):
            removable = removable[:-1]
        if not removable:
            return None
        faulty.add(removable)
        replaced = {key: value for key, value in replaced.items() if key[: len(removable)] != removable}
    return Pruned(pruned.raw, frozenset(faulty), replaced)


def _described(problem: ValidationIssue, raw: dict[str, Any]) -> str:
    names = []
    here: Any = raw
    for step in problem.path:
        here = here[step] if exists(here, (step,)) else None
        if isinstance(step, int) and isinstance(here, dict) and isinstance(here.get("name"), str):
            names.append(here["name"])
    named = f" ({' / '.join(names)})" if names else ""
    return f"{shown(problem.path)}{named}: {problem.sentence}"
