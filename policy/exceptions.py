"""The rule of exceptions: they are few, current, and known to end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from policy.rule import Finding, StackRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policy.declared import Declared
    from policy.facts import Facts
    from policy.rule import Rule

SOON = timedelta(days=30)


def exceptions_current(others: Sequence[Rule]) -> StackRule:
    """The rule that the exceptions from OTHERS are needed and do not end unnoticed."""

    def check(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
        broken = {(rule.name, finding.resource) for rule in others for finding in rule.find(resources, facts)}
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
