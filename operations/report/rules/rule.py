"""What a rule is, and the words that several share."""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from config.spec import Spec
from dynamic_providers.base import DynamicProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Fact, NotKnown, Risk, Verdict

Says = Callable[[Change, Dependents], Verdict]


@dataclass(frozen=True)
class Rule:
    """What changes of one type of resource do.

    Attributes:
        word: what people call such a thing.
        create: where it is made.
        update: where it is changed in place.
        delete: where it goes; also where it is replaced, unless `replace` says otherwise.
        replace: where another one takes its place.
        specs: the parts of the stack file that declare it.
        provider: its dynamic provider.
    """

    word: str
    create: Says
    update: Says
    delete: Says
    replace: Says | None = None
    specs: tuple[type[Spec], ...] = ()
    provider: type[DynamicProvider[Any, Any]] | None = None


def harmless(sentence: str) -> Says:
    """Nobody notices."""
    return lambda _change, _cloud: Verdict(Risk.HARMLESS, sentence)


def interrupts(sentence: str) -> Says:
    """Somebody notices, whoever it is."""
    return lambda _change, _cloud: Verdict(Risk.INTERRUPTS, sentence)


def by_key(
    noticed: dict[str, str],
    otherwise: str,
    *,
    facts: Callable[[Change, Dependents], tuple[Fact, ...]] = lambda _change, _cloud: (),
    by_users_alone: Collection[str] = (),
    unused: str = "",
) -> Says:
    """Interrupts where one of the NOTICED properties changes, with its sentence; harmless with any other.

    Args:
        noticed: sentences by property.
        otherwise: the sentence for any other property.
        facts: who depends on the thing.
        by_users_alone: those of the noticed that are harmless while nobody does.
        unused: the sentence then.
    """

    def says(change: Change, cloud: Dependents) -> Verdict:
        found = facts(change, cloud)
        changed = [key for key in noticed if key in change.changed]
        if not changed:
            return Verdict(Risk.HARMLESS, otherwise, found)
        if set(changed) <= set(by_users_alone) and all(fact.is_none for fact in found):
            return Verdict(Risk.HARMLESS, unused, found)
        return Verdict(Risk.INTERRUPTS, " ".join(noticed[key] for key in changed), found)

    return says


def in_the_way(
    found: tuple[Fact, ...], *, gone: str, free: str, free_risk: Risk = Risk.INTERRUPTS
) -> Verdict:
    """A thing that OpenStack does not let go while something is on it.

    Args:
        found: what may be on it.
        gone: what happens to it, as the beginning of a sentence: "The network is removed".
        free: how that goes on where nothing is on it.
        free_risk: the class then.
    """
    if unknown := first_unknown(found):
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"{gone}, and whether something is still on it is {unknown}. See for yourself before it is merged.",
            found,
        )
    if all(fact.is_none for fact in found):
        return Verdict(free_risk, f"{gone}: {free}", found)
    return Verdict(
        Risk.NEEDS_A_PERSON,
        f"{gone}, and {summarized(fact for fact in found if fact.what != 'projects')} on it. OpenStack refuses that until "
        "they are gone: somebody has to talk to their owners first.",
        found,
    )


def removed(what: str, facts: Callable[[Change, Dependents], tuple[Fact, ...]], free: str) -> Says:
    """WHAT is removed, and may be made anew; FREE is how that goes on where nothing is on it."""
    return lambda change, cloud: in_the_way(
        facts(change, cloud),
        gone=f"The {what} is removed{' and made anew' if change.new else ''}",
        free=free,
    )


def first_unknown(facts: Iterable[Fact]) -> NotKnown | None:
    """Why one of FACTS is not known; None where all are."""
    return next((fact.count for fact in facts if isinstance(fact.count, NotKnown)), None)


def of_kind(what: str, facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Those of FACTS that are about WHAT, such as "users"."""
    return tuple(fact for fact in facts if fact.what == what)


def summarized(facts: Iterable[Fact]) -> str:
    """FACTS in a row, such as `3 instances and 4 ports are`."""
    parts = [fact.counted for fact in facts if not fact.is_none]
    verb = "is" if len(parts) == 1 and parts[0].startswith("1 ") else "are"
    row = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] if parts else "nothing"
    return f"{row} {verb}"


def given(change: Change, key: str) -> str:
    """The text of KEY among the inputs of CHANGE, as they are or will be; empty where there is none."""
    value = change.old.get(key) or change.new.get(key)
    return value if isinstance(value, str) else ""


def listed(inputs: object, key: str) -> list[Any]:
    """The list under KEY in INPUTS; empty where there is none."""
    value = inputs.get(key) if hasattr(inputs, "get") else None
    return value if isinstance(value, list) else []


def lost(change: Change, key: str) -> list[Any]:
    """What is in the list KEY now, and will not be."""
    after = {json.dumps(item, sort_keys=True) for item in listed(change.new, key)}
    return [item for item in listed(change.old, key) if json.dumps(item, sort_keys=True) not in after]
