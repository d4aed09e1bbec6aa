"""Levels and exceptions of a stack, and what of the engine's values reaches a rule."""

from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, PolicyResourceOptions, ResourceValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from config import resource_types as tokens
from config.load import SettingsError
from policy.declared import UNKNOWN, from_engine
from policy.pack import Pack, violations
from policy.rules import RULES
from tests.unit.policy_stack import facts, resource

BY_NAME = {rule.name: rule for rule in RULES}
NAMES = BY_NAME["names"]
BAD = resource(tokens.NETWORK, "Lab Net")


def excepted(until: str, name: str = "Lab Net", rule: str = "names") -> dict[str, Any]:
    exception = {"rule": rule, "resource": name, "reason": "It stands in firewalls", "until": until}
    return {"policy": {"exceptions": [exception]}}


def levels(**policy: Any) -> dict[str, str]:
    pack = Pack(RULES)
    pack.hold_to(facts(policy=policy))
    return {
        policy.name: str(policy.enforcement_level and policy.enforcement_level.value)
        for policy in pack.policies
    }


def test_production_holds_every_rule_but_those_about_rules() -> None:
    assert set(levels().values()) == {"mandatory", "advisory", "disabled"}
    advisory = {name for name, level in levels(production=True).items() if level != "mandatory"}
    assert advisory == {"exceptions-current", "rules-held"}


def test_a_stack_sets_the_level_of_a_rule() -> None:
    found = levels(production=True, levels={"names": "advisory", "quota-set": "disabled"})
    assert (found["names"], found["quota-set"]) == ("advisory", "disabled")
    assert found["image-raw"] == "mandatory"


def test_levels_are_crossguards() -> None:
    assert {level.value for level in EnforcementLevel} >= {"mandatory", "advisory", "disabled"}


def test_a_violation_says_what_is_wrong_and_what_to_do() -> None:
    ((finding, sentence),) = violations(NAMES, [BAD], facts())
    assert sentence.startswith("Lab Net: the network's name 'Lab Net' does not match ")
    assert sentence.endswith(f". {NAMES.remedy}")
    assert finding.urn == BAD.urn


@pytest.mark.parametrize("until", ["2027-01-15", "2027-06-30"])
def test_an_exception_counts_until_the_end_of_its_last_day(until: str) -> None:
    assert violations(NAMES, [BAD], facts(**excepted(until))) == []


def test_an_exception_counts_in_whichever_spelling() -> None:
    """Resources are named by folded names (config/resource_names.py), and people write the file's."""
    assert violations(NAMES, [resource(tokens.NETWORK, "lab net")], facts(**excepted("2027-06-30"))) == []


def test_after_its_last_day_an_exception_is_told_with_its_reason() -> None:
    ((_, sentence),) = violations(NAMES, [BAD], facts(**excepted("2027-01-14")))
    assert "Its exception ended on 2027-01-14: It stands in firewalls." in sentence


def test_an_exception_is_one_resources_and_one_rules() -> None:
    assert violations(NAMES, [BAD], facts(**excepted("2027-06-30", name="another")))
    assert violations(NAMES, [BAD], facts(**excepted("2027-06-30", rule="image-raw")))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (excepted("2027-06-30", name="gone"), "its exception from names excepts nothing"),
        (excepted("2027-02-01"), "ends after 2027-02-01 (It stands in firewalls)"),
    ],
)
def test_an_exception_that_nobody_needs_or_that_ends_soon_is_told(keys: dict[str, Any], message: str) -> None:
    ((_, sentence),) = violations(BY_NAME["exceptions-current"], [BAD], facts(**keys))
    assert message in sentence


def test_a_needed_exception_far_from_its_end_is_nobodys_business() -> None:
    assert violations(BY_NAME["exceptions-current"], [BAD], facts(**excepted("2027-06-30"))) == []


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ({"levels": {"nmaes": "advisory"}}, "did you mean 'names'"),
        ({"levels": {"names": "strict"}}, "'strict' is not one of 'mandatory', 'advisory', 'disabled'"),
        (
            {"exceptions": [{"rule": "names", "resource": "x", "until": "2027-06-30"}]},
            "reason: it is missing",
        ),
        (
            {"exceptions": [{"rule": "names", "resource": "x", "reason": "so", "until": "June"}]},
            "'June' is not a day; give one as YYYY-MM-DD",
        ),
        (
            {"exceptions": excepted("2027-06-30")["policy"]["exceptions"] * 2},
            "is excepted from names already",
        ),
        ({"names": {"network": "(["}}, "'([' is not a regular expression"),
        ({"names": {"router": ".*"}}, "'router' is not one of"),
        ({"dns_servers": ["dns-1"]}, "'dns-1' is not an IP address"),
        ({"production": "sometimes"}, "is not true or false"),
    ],
)
def test_a_mistake_in_the_section_is_told_in_a_sentence(policy: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as error:
        facts(policy=policy)
    assert sentence in str(error.value)


def test_an_unknown_value_hides_no_other() -> None:
    props = unknown_checking_proxy(
        {"name": UNKNOWN_STRING_VALUE, "segments": [{"vlan": 1.0, "id": UNKNOWN_STRING_VALUE}], "tags": ["a"]}
    )
    options = PolicyResourceOptions(True, [], None, [], None, [], None)  # type: ignore[arg-type]
    args = ResourceValidationArgs(tokens.NETWORK, props, "urn", "vms", options, None, None)
    found = from_engine(args)
    assert found.props == {"name": UNKNOWN, "segments": [{"vlan": 1.0, "id": UNKNOWN}], "tags": ["a"]}
    assert found.protect
