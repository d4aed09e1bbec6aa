"""The four classes of a change, and what a rule says of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

_MOST_NAMED = 5


class Risk(StrEnum):
    """What a change does to those who use the cloud; the later ones are worse."""

    HARMLESS = "harmless"
    INTERRUPTS = "interrupts"
    LOSES_DATA = "loses data"
    NEEDS_A_PERSON = "needs a person"

    @property
    def rank(self) -> int:
        """0 for the best."""
        return list(Risk).index(self)

    @property
    def word(self) -> str:
        """The class in one word, as a command line and a style sheet write it."""
        return self.value.replace(" ", "-")


def worst(risks: Iterable[Risk]) -> Risk:
    """The worst of RISKS; harmless where there are none."""
    return max(risks, key=lambda risk: risk.rank, default=Risk.HARMLESS)


@dataclass(frozen=True)
class NotKnown:
    """That nobody could say, and why; never a number."""

    reason: str

    def __str__(self) -> str:
        """What a person reads instead of a number."""
        return f"not known: {self.reason}"


@dataclass(frozen=True)
class Fact:
    """How many of something depend on what is changed.

    Attributes:
        what: such as "instances".
        count: how many, or why that is not known.
        names: theirs, for people; empty where they are nobody's business.
        ids: theirs, so that each is counted once in a sum.
    """

    what: str
    count: int | NotKnown
    names: tuple[str, ...] = ()
    ids: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, what: str, things: Mapping[str, str] | Iterable[str] | NotKnown, *, named: bool = True
    ) -> Self:
        """The fact that THINGS depend on it: names by id, or names alone that are unique."""
        if isinstance(things, NotKnown):
            return cls(what, things)
        by_id = dict(things) if isinstance(things, Mapping) else {name: name for name in things}
        names = tuple(sorted(by_id.values())) if named else ()
        return cls(what, len(by_id), names, frozenset(by_id))

    @classmethod
    def sum(cls, facts: Iterable[Self]) -> Self:
        """FACTS of one kind as one: each thing once, and not known where one of them is not."""
        listed = tuple(facts)
        unknown = next((fact for fact in listed if isinstance(fact.count, NotKnown)), None)
        if unknown:
            return cls(unknown.what, unknown.count)
        ids = frozenset(id_ for fact in listed for id_ in fact.ids)
        names = dict.fromkeys(name for fact in listed for name in fact.names)
        return cls(listed[0].what, len(ids), tuple(sorted(names)), ids)

    @property
    def is_none(self) -> bool:
        """Whether it is known that there are none."""
        return self.count == 0

    @property
    def counted(self) -> str:
        """Such as `3 instances` or `1 instance`."""
        what = self.what.removesuffix("s") if self.count == 1 and " " not in self.what else self.what
        return f"{self.count} {what}"

    def __str__(self) -> str:
        """Such as `3 instances (a, b, c)` or `instances: not known: …`."""
        if isinstance(self.count, NotKnown):
            return f"{self.what}: {self.count}"
        if not self.names or self.what == "ports":
            return self.counted
        more = f" and {self.count - _MOST_NAMED} more" if self.count > _MOST_NAMED else ""
        return f"{self.counted} ({', '.join(self.names[:_MOST_NAMED])}{more})"


def in_words(facts: Iterable[Fact]) -> str:
    """FACTS in a row; what is not known for one reason is told in one."""
    known = []
    unknown: dict[NotKnown, list[str]] = {}
    for fact in facts:
        if isinstance(fact.count, NotKnown):
            unknown.setdefault(fact.count, []).append(fact.what)
        else:
            known.append(str(fact))
    return "; ".join([*known, *(f"{', '.join(what)}: {reason}" for reason, what in unknown.items())])


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a change.

    Attributes:
        sentence: why, in plain words.
        facts: who depends on what changes.
    """

    risk: Risk
    sentence: str
    facts: tuple[Fact, ...] = ()
