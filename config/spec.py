"""The base of every spec: frozen, with unknown keys refused; and the effect of changing a field."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from config.errors.issues import KeyPath, ValidationIssues


class Effect(StrEnum):
    """What changing a field does; docs/settings.md is made from it, and lab tests hold it against the cloud."""

    UPDATED = "updated in place"
    REPLACED = "replaced: the old one is removed, a new one made"
    RENAMED = "a new one is made, unless `renamed_from` gives the former name"
    NOTHING = "nothing in the cloud"


Problems = Iterator[str | tuple[KeyPath, str]]
"""Sentences about a value, each with the path of the part that it is about, if not about the whole."""


def checking(*fields: str) -> Callable[[Callable[[Any, Any, ValidationInfo], Problems]], Any]:
    """Refuse values of FIELDS with all that the method below yields; INFO has the fields that were right before."""

    def validator(check: Callable[[Any, Any, ValidationInfo], Problems]) -> Any:
        def validate(cls: type[Spec], value: Any, info: ValidationInfo) -> Any:
            issues = ValidationIssues()
            for problem in check(cls, value, info):
                issues.add(*(((), problem) if isinstance(problem, str) else problem))
            issues.raise_if_any()
            return value

        return field_validator(*fields)(classmethod(validate))

    return validator


class Spec(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """A part of the stack file; each field's description says what would be right there.

    A subclass names in rows, with blanks between, the fields of which a change does NOTHING in the cloud, and those by which
    things are REPLACED or RENAMED; the others are updated in place.
    """

    effects: ClassVar[Mapping[str, Effect]] = {}

    def __init_subclass__(cls, *, nothing: str = "", replaced: str = "", renamed: str = "") -> None:
        super().__init_subclass__()
        rows = {Effect.NOTHING: nothing, Effect.REPLACED: replaced, Effect.RENAMED: renamed}
        if any(rows.values()):
            cls.effects = {name: effect for effect, row in rows.items() for name in row.split()}

    @classmethod
    def effect_of(cls, field: str) -> Effect:
        """What changing FIELD does."""
        return cls.effects.get(field, Effect.UPDATED)


class Adoptable(Spec):
    """Something that may exist already and can be adopted instead of created."""

    adopt: str | None = Field(
        None,
        min_length=1,
        description="the id of one that is there already: it is taken over, and protected while this is here",
    )


class Protectable(Adoptable):
    """Something that can be protected from deletion by Pulumi."""

    protected: bool = Field(
        default=False,
        description="true or false: whether pulumi refuses to remove or replace it, until this is false again",
    )
