"""Walks through the fields of Specs: each is changed, and what preview plans is held against what is declared.

Every case has a resource of its own, so that one preview and one up show all of them, however many there are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from config.spec import Effect, Spec
from tests.lab.own_stack import OwnStack

Entry = dict[str, Any]
Resource = tuple[str, str]
"""The last word of its type, and its name in the stack."""

PLANNED: dict[Effect, set[str]] = {
    Effect.UPDATED: {"update"},
    Effect.RENAMED: {"update"},  # with `renamed_from`
    Effect.NOTHING: set(),
}


@dataclass(frozen=True)
class Case:
    """One change of one field.

    Attributes:
        spec: the Spec that has the field.
        field: its name.
        change: changes the stack file's keys.
        resource: what the change is about.
        gone: where another resource is made in its stead: the one that goes.
        follow: what is replaced with it.
        variant: what sets this change apart from another one of the same field.
        zone: an availability zone that Neutron must have.
    """

    spec: type[Spec]
    field: str
    change: Callable[[Entry], object]
    resource: Resource = ("", "")
    gone: Resource | None = None
    follow: tuple[Resource, ...] = ()
    variant: str = ""
    zone: str | None = None

    def __str__(self) -> str:
        return f"{self.spec.__name__}.{self.field}" + (f"-{self.variant}" if self.variant else "")

    @property
    def effect(self) -> Effect:
        return self.spec.effect_of(self.field)


def entry_of(section: str, name: str, /, **keys: object) -> Callable[[Entry], object]:
    """Change KEYS of the entry NAME of a SECTION of the stack file."""
    return lambda config: next(one for one in config[section] if one["name"] == name).update(keys)


def fields_without_a_case(
    cases: Iterable[Case], specs: Iterable[type[Spec]], elsewhere: set[str]
) -> set[str]:
    """The fields of SPECS that no case changes; ELSEWHERE, as SPEC.FIELD, are shown by other tests."""
    walked = {f"{case.spec.__name__}.{case.field}" for case in cases}
    return {f"{spec.__name__}.{name}" for spec in specs for name in spec.model_fields} - walked - elsewhere


@dataclass(frozen=True)
class Walk:
    """What a preview planned with all changes made."""

    stack: OwnStack
    planned: dict[Resource, set[str]]

    def kind_of_change(self, resource: Resource) -> str:
        """The kind of change that was planned for RESOURCE: update, replace, create, delete, or none."""
        ops = self.planned.get(resource, set())
        return "replace" if "replace" in ops else ", ".join(sorted(ops))

    def shows(self, case: Case) -> None:
        """Fails unless what was planned is what the field declares."""
        if case.gone:
            found = (self.kind_of_change(case.gone), self.kind_of_change(case.resource))
            assert found == ("delete", "create")
        elif case.effect is Effect.REPLACED:
            for resource in (case.resource, *case.follow):
                assert self.kind_of_change(resource) == "replace", resource
        else:
            assert self.planned.get(case.resource, set()) == PLANNED[case.effect]

    def unexplained(self, cases: Iterable[Case]) -> dict[Resource, set[str]]:
        """What was planned beside the CASES; the stack itself has other outputs."""
        explained = {("Stack", name) for _, name in self.planned}
        for case in cases:
            explained |= {case.resource, *case.follow, *([case.gone] if case.gone else [])}
        return {resource: ops for resource, ops in self.planned.items() if resource not in explained}
