"""A rule: what it asks for, why, what to do where it is broken, and how strictly it is held."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

from config.load import SettingsError, load
from config.policy import Level, PolicySpec, RuleName
from config.resource_names import resource_name
from config.settings import Settings
from policy.declared import Declared


@dataclass(frozen=True)
class Facts:
    """What a stack is held to.

    Attributes:
        settings: the stack file; None where it has mistakes, which the program tells and stops for.
        today: the day, in UTC, by which exceptions end.
    """

    settings: Settings | None
    today: date

    @property
    def policy(self) -> PolicySpec:
        """The stack file's section `policy`."""
        return self.settings.policy if self.settings else PolicySpec()


def facts_of_this_stack() -> Facts:
    """The facts of the stack that the engine runs this pack for, once its configuration is there."""
    try:
        settings = load()
    except SettingsError:
        settings = None
    return Facts(settings, datetime.now(UTC).date())


@dataclass(frozen=True)
class Finding:
    """Where a rule is broken.

    Attributes:
        resource: the name that an exception would give.
        sentence: what is wrong there.
        urn: the engine's name of the resource; empty where it is none's in particular.
    """

    resource: str
    sentence: str
    urn: str = ""

    @property
    def excepted_as(self) -> str:
        """The resource, however an exception spells it."""
        return resource_name(self.resource)

    @classmethod
    def of(cls, resource: Declared, sentence: str) -> Self:
        """RESOURCE breaks the rule; SENTENCE says how."""
        return cls(resource.name, sentence, resource.urn)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What all rules have.

    Attributes:
        name: as stack files and exceptions name it.
        asks: what has to hold, a sentence.
        reason: why, a sentence.
        remedy: what to do where it is broken, a sentence.
        level: how strictly it is held where nothing else is said.
        in_production: the same, where policy.production is true.
    """

    name: RuleName
    asks: str
    reason: str
    remedy: str
    level: Level = "mandatory"
    in_production: Level = "mandatory"

    def level_for(self, facts: Facts) -> Level:
        """How strictly FACTS's stack holds it."""
        return facts.policy.levels.get(self.name, self.default_for(facts))

    def default_for(self, facts: Facts) -> Level:
        """How strictly it is held where the stack says nothing of it."""
        return self.in_production if facts.policy.production else self.level

    def find(self, resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
        """Wherever RESOURCES break it, exceptions or not."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """A rule that each resource keeps or breaks by itself.

    Attributes:
        types: the tokens of the resources it is for.
        check: gives a sentence for each thing that is wrong with one.
    """

    types: frozenset[str]
    check: Callable[[Declared, Facts], Iterable[str]]

    def find(self, resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
        """Wherever RESOURCES break it, exceptions or not."""
        for resource in resources:
            if resource.type in self.types:
                for sentence in self.check(resource, facts):
                    yield Finding.of(resource, sentence)


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """A rule that only the whole stack can break: several resources together, or what the stack file says.

    Attributes:
        check: finds wherever all resources of the stack break it.
    """

    check: Callable[[Sequence[Declared], Facts], Iterable[Finding]]

    def find(self, resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
        """Wherever RESOURCES break it, exceptions or not."""
        yield from self.check(resources, facts)
