"""Rules about rules: exceptions are current and known to end, and what a stack loosens is seen by who reviews it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from policy.declared import Declared
from policy.rule import Facts, Finding, Rule, StackRule

SOON = timedelta(days=30)
_STRICTNESS = ("disabled", "advisory", "mandatory")


def exceptions_current(others: Sequence[Rule]) -> StackRule:
    """The rule that the exceptions from OTHERS are needed and do not end unnoticed."""

    def check(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
        broken = {
            (rule.name, finding.excepted_as) for rule in others for finding in rule.find(resources, facts)
        }
        for exception in facts.policy.exceptions:
            if exception.excepted not in broken:
                sentence = f"its exception from {exception.rule} excepts nothing"
                yield Finding(exception.resource, sentence)
            elif facts.today <= exception.until <= facts.today + SOON:
                sentence = (
                    f"its exception from {exception.rule} ends after {exception.until} ({exception.reason})"
                )
                yield Finding(exception.resource, sentence)

    return StackRule(
        name="exceptions-current",
        asks="Exceptions are needed, and do not end unnoticed.",
        reason="One that nobody needs hides the next violation; one that ends stops the next change.",
        remedy="Drop it under policy.exceptions, mend its cause, or agree on a later day.",
        level="advisory",
        in_production="advisory",
        check=check,
    )


def rules_held(others: Sequence[Rule]) -> StackRule:
    """The rule that OTHERS are held as strictly as this kind of stack holds them where its file says nothing."""

    def check(_resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
        for rule in others:
            default, found = rule.default_for(facts), rule.level_for(facts)
            if _STRICTNESS.index(found) < _STRICTNESS.index(default):
                yield Finding(rule.name, f"the stack file makes it {found}, where it would be {default}")

    return StackRule(
        name="rules-held",
        asks="Rules are held as strictly as they are meant.",
        reason="The same change can break a rule and loosen it: whoever reviews it has to see both.",
        remedy="Drop it under policy.levels; an exception is for one resource, and ends.",
        level="advisory",
        in_production="advisory",
        check=check,
    )
