"""What a rule is, and the words that several share."""

import json
from collections.abc import Callable, Iterable
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


def by_key(noticed: dict[str, str], otherwise: str) -> Says:
    """Interrupts where one of the NOTICED properties changes, with its sentence; harmless with any other."""

    def says(change: Change, _cloud: Dependents) -> Verdict:
        sentences = [sentence for key, sentence in noticed.items() if key in change.changed]
        if sentences:
            return Verdict(Risk.INTERRUPTS, " ".join(sentences))
        return Verdict(Risk.HARMLESS, otherwise)

    return says


def in_the_way(facts: Iterable[Fact], *, gone: str, free: str, free_risk: Risk = Risk.INTERRUPTS) -> Verdict:
    """A thing that OpenStack does not let go while something is on it.

    Args:
        facts: what may be on it.
        gone: what happens to it, as the beginning of a sentence: "The network is removed".
        free: how that goes on where nothing is on it.
        free_risk: the class then.
    """
    found = tuple(facts)
    unknown = next((fact.count for fact in found if isinstance(fact.count, NotKnown)), None)
    if unknown:
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
