"""Classify each change; unknown types need a person."""

import re
from dataclasses import dataclass, replace
from functools import partial

from config.spec import Effect
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Risk, Verdict, worst
from operations.report.rules.ceph import CEPH_RULES
from operations.report.rules.compute import COMPUTE_RULES
from operations.report.rules.fleet import FLEET_RULES
from operations.report.rules.host import HOST_RULES
from operations.report.rules.identity import IDENTITY_RULES
from operations.report.rules.image import IMAGE_RULES
from operations.report.rules.network import NETWORK_RULES
from operations.report.rules.rule import Rule, Says, harmless
from operations.report.rules.security_group import SECURITY_GROUP_RULES

RULES: dict[str, Rule] = {
    **NETWORK_RULES,
    **SECURITY_GROUP_RULES,
    **IDENTITY_RULES,
    **IMAGE_RULES,
    **COMPUTE_RULES,
    **FLEET_RULES,
    **CEPH_RULES,
    **HOST_RULES,
}
"""By the token of the resource type."""


def judge(change: Change, cloud: Dependents) -> Verdict:
    """The class of CHANGE, why, and who depends on what changes."""
    rule = RULES.get(change.type)
    if rule is None:
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"Nothing is known here of resources of the type {change.type}: read the preview.",
        )
    verdict = _by_operation(rule, change, cloud)
    if change.protected and change.operation in {"delete", "replace"}:
        return replace(
            verdict,
            risk=worst([verdict.risk, Risk.NEEDS_A_PERSON]),
            sentence=f"{verdict.sentence} It is protected: Pulumi refuses that until somebody takes the protection away.",
        )
    return verdict


def _by_operation(rule: Rule, change: Change, cloud: Dependents) -> Verdict:
    by_operation: dict[str, Says] = {
        "create": rule.create,
        "import": partial(_taken_over, rule),
        "update": partial(_updated, rule),
        "replace": partial(_replaced, rule),
        "delete": rule.delete,
        "protect": harmless("From then on Pulumi refuses to remove or replace it."),
        "unprotect": harmless(
            "Nothing else happens now; from then on Pulumi removes or replaces it when it is told to."
        ),
    }
    if change.operation in by_operation:
        return by_operation[change.operation](change, cloud)
    return Verdict(
        Risk.NEEDS_A_PERSON,
        f"Nothing is known here of the operation {change.operation!r}: read the preview.",
    )


def _taken_over(rule: Rule, change: Change, cloud: Dependents) -> Verdict:
    if change.keys:
        found = rule.update(change, cloud)
        return replace(found, sentence=f"It is taken over, and changed. {found.sentence}")
    return Verdict(Risk.HARMLESS, "What is there already is taken over as it is.")


def _updated(rule: Rule, change: Change, cloud: Dependents) -> Verdict:
    if change.keys and all(without_effect(rule, key.key) for key in change.keys):
        return Verdict(Risk.HARMLESS, "Only how it is reached or made changes, and nothing in the cloud.")
    return rule.update(change, cloud)


def _replaced(rule: Rule, change: Change, cloud: Dependents) -> Verdict:
    verdict = (rule.replace or rule.delete)(change, cloud)
    if change.goes_along:
        verdict = replace(verdict, sentence=f"{verdict.sentence} It goes along with what it depends on.")
    unexpected = [key for key in change.replacing if declared_effect(rule, key) is Effect.UPDATED]
    if not unexpected:
        return verdict
    return replace(
        verdict,
        risk=Risk.NEEDS_A_PERSON,
        sentence=f"{verdict.sentence} docs/settings.md says that {', '.join(unexpected)} is changed in place, and the "
        "plan replaces: somebody has to see why.",
    )


def without_effect(rule: Rule, key: str) -> bool:
    """Whether changing the property KEY changes nothing in the cloud, as its provider or its spec declares."""
    if rule.provider and key in rule.provider.connection_fields | rule.provider.create_only_fields:
        return True
    return declared_effect(rule, key) is Effect.NOTHING


def declared_effect(rule: Rule, key: str) -> Effect | None:
    """What the specs of RULE say of the property KEY; None where it is no key of the stack file.

    A provider's own word comes first: it knows properties that are no keys.
    """
    if rule.provider and key in rule.provider.replace_on:
        return Effect.REPLACED
    field = re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()
    return next((spec.effect_of(field) for spec in rule.specs if field in spec.model_fields), None)


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
