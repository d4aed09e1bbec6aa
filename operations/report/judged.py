"""A change with its verdict, in the words of a report."""

from dataclasses import dataclass

from operations.report.change import Change
from operations.report.risk import Verdict
from operations.report.rules.judge import RULES, declared_effect


@dataclass(frozen=True)
class Judged:
    """A change, and what it does to whom."""

    change: Change
    verdict: Verdict

    @property
    def word(self) -> str:
        """What people call such a thing."""
        if self.change.inputs.get("isDomain"):
            return "domain"
        rule = RULES.get(self.change.type)
        return rule.word if rule else self.change.type

    @property
    def title(self) -> str:
        """What happens to what, such as "replace network vms"."""
        return f"{self.change.operation} {self.word} {self.change.name}"

    @property
    def why_replaced(self) -> tuple[str, ...]:
        """The keys that have it replaced, each with what docs/settings.md says of it where it is a key there."""
        rule = RULES.get(self.change.type)
        reasons = []
        for key in self.change.replacing:
            effect = declared_effect(rule, key) if rule else None
            reasons.append(f"{key} ({effect.value})" if effect else key)
        return tuple(reasons)
