"""Security groups: a project's default one, and those with a name of their own."""

from config.security_group import SecurityGroupSpec
from dynamic_providers.default_security_group.provider import DefaultSecurityGroupProvider
from dynamic_providers.security_group_rules.provider import SecurityGroupRulesProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Fact, Risk, Verdict
from operations.report.rules.rule import Rule, by_key, given, harmless, in_the_way, lost, of_kind, removed


def _ports_of_the_project(change: Change, cloud: Dependents) -> tuple[Fact, ...]:
    return of_kind("ports", cloud.of_project(given(change, "project_id")))


def _of_the_group(change: Change, cloud: Dependents) -> tuple[Fact, ...]:
    return cloud.of_security_group(change.id)


def _rules_go(change: Change, what: str, facts: tuple[Fact, ...]) -> Verdict | None:
    """That rules of WHAT go, None where none does."""
    gone = len(lost(change, "rules"))
    if not gone:
        return None
    rules, go, they = ("rules", "go", "they") if gone > 1 else ("rule", "goes", "it")
    return Verdict(
        Risk.INTERRUPTS,
        f"{gone} {rules} of {what} {go}: traffic that only {they} let through is cut off.",
        facts,
    )


def _default_group_is_set(change: Change, cloud: Dependents) -> Verdict:
    facts = _ports_of_the_project(change, cloud)
    if change.operation == "create":
        if all(fact.is_none for fact in facts):
            return Verdict(Risk.HARMLESS, "The default security group is set before a port uses it.", facts)
        return Verdict(
            Risk.INTERRUPTS,
            "Neutron's own rules of the default security group give way to the declared ones: what is not among "
            "these is cut off.",
            facts,
        )
    return _rules_go(change, "the default security group", facts) or Verdict(
        Risk.HARMLESS, "The default security group lets more through; nothing is cut off.", facts
    )


def _group_changes(change: Change, cloud: Dependents) -> Verdict:
    if "stateful" in change.changed:
        return in_the_way(
            _of_the_group(change, cloud),
            gone="The security group gets another way to let answers through",
            free="no port uses it.",
            free_risk=Risk.HARMLESS,
        )
    return by_key(
        {"name": "Whoever names the security group by its name has to use the new one."},
        "Nothing of what it lets through changes.",
        facts=_of_the_group,
    )(change, cloud)


def _rules_change(change: Change, cloud: Dependents) -> Verdict:
    facts = cloud.of_security_group(given(change, "security_group_id"))
    going = _rules_go(change, "the security group", facts)
    if going is None:
        return Verdict(Risk.HARMLESS, "The security group lets more through; nothing is cut off.", facts)
    if all(fact.is_none for fact in facts):
        return Verdict(
            Risk.HARMLESS, "Rules of the security group go, and no port uses it that would notice.", facts
        )
    return going


SECURITY_GROUP_RULES = {
    "openstack:networking/secGroup:SecGroup": Rule(
        "security group",
        harmless("A new security group; no port uses it yet."),
        _group_changes,
        removed(
            "security group",
            _of_the_group,
            "no port uses it; Neutron removes rules of other groups that name it.",
        ),
        specs=(SecurityGroupSpec,),
    ),
    "pulumi-python:dynamic/networking:SecurityGroupRules": Rule(
        "rules of a security group",
        _rules_change,
        _rules_change,
        harmless("The rules go with their security group."),
        provider=SecurityGroupRulesProvider,
    ),
    "pulumi-python:dynamic/networking:DefaultSecurityGroup": Rule(
        "default security group",
        _default_group_is_set,
        _default_group_is_set,
        lambda change, cloud: Verdict(
            Risk.INTERRUPTS,
            "The default security group gets Neutron's own rules again: its ports reach each other, and what else "
            "the declared rules let in is cut off.",
            _ports_of_the_project(change, cloud),
        ),
        provider=DefaultSecurityGroupProvider,
    ),
}
