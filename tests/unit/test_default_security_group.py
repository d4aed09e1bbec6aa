"""A default security group's CRUD against a fake Neutron at the REST level.

What a real one does is shown by tests/lab/test_project_limits.py.
"""

from contextlib import contextmanager
from typing import Any

import pytest

from clients import openstack
from clients.errors import CloudError
from clients.neutron.security_group_rules import NEUTRONS_OWN, SAME_GROUP, Rule
from dynamic_providers.default_security_group.provider import (
    DefaultSecurityGroup,
    DefaultSecurityGroupProvider,
)
from tests.unit.fake_security_groups import FakeNeutron, stored

OUT = [Rule(direction="egress", ethertype="IPv4"), Rule(direction="egress", ethertype="IPv6")]
SSH = Rule(direction="ingress", ethertype="IPv4", protocol="tcp", port_min=22, port_max=22)
ARGS = {
    "cloud": "admin",
    "project_id": "p1",
    "rules": [rule.model_dump(exclude_none=True) for rule in sorted([*OUT, SSH])],
}


@pytest.fixture
def neutron(monkeypatch: pytest.MonkeyPatch) -> FakeNeutron:
    fake = FakeNeutron(*sorted(NEUTRONS_OWN))

    @contextmanager
    def connect(cloud: str) -> Any:
        assert cloud == "admin"
        yield fake

    monkeypatch.setattr(openstack, "connect", connect)
    return fake


CRUD = DefaultSecurityGroupProvider()


def test_create_brings_neutrons_group_to_exactly_the_declared_rules(neutron: FakeNeutron) -> None:
    made = CRUD.create(ARGS)
    assert made.id == "p1"
    assert made.outs == {**ARGS, "security_group_id": "g1"}
    assert neutron.live == {*OUT, SSH}


def test_what_is_missing_is_added_before_anything_is_removed(neutron: FakeNeutron) -> None:
    CRUD.create(ARGS)
    assert [change.split()[0] for change in neutron.changes] == ["add", "remove", "remove"]


def test_a_create_that_was_killed_is_finished_by_the_next(neutron: FakeNeutron) -> None:
    neutron.rules["n1"] = stored(SSH, protocol="6")  # as somebody, or a killed run, has made it
    CRUD.create(ARGS)
    assert "add" not in neutron.changes
    CRUD.create(ARGS)
    assert neutron.live == {*OUT, SSH}
    assert len(neutron.changes) == 2


def test_a_rule_that_another_run_adds_at_the_same_time_is_no_failure(neutron: FakeNeutron) -> None:
    neutron.conflict = "SecurityGroupRuleExists"
    CRUD.create(ARGS)
    assert neutron.live == set(OUT), "the rest is done"


def test_a_quota_that_is_used_up_gets_neutrons_sentence_and_removes_nothing(neutron: FakeNeutron) -> None:
    neutron.conflict = "OverQuota"
    with pytest.raises(
        CloudError, match=r"Neutron refused to add a rule to security group g1: 409, OverQuota it is\."
    ):
        CRUD.create(ARGS)
    assert neutron.changes == []


def test_an_account_for_which_neutron_makes_no_group_gets_a_sentence(neutron: FakeNeutron) -> None:
    neutron.makes_groups = False
    with pytest.raises(
        CloudError, match=r"project p1 has no default security group.*give openstack\.cloud an account"
    ):
        CRUD.create(ARGS)


def state() -> dict[str, Any]:
    return {**ARGS, "security_group_id": "g1"}


def drifted() -> bool:
    found = CRUD.read("p1", state()).outs
    assert found is not None
    return bool(CRUD.diff("p1", found, ARGS).changes)


def test_read_finds_a_rule_added_by_hand(neutron: FakeNeutron) -> None:
    CRUD.create(ARGS)
    neutron.rules["by-hand"] = stored(SSH, port_range_min=23, port_range_max=23)
    assert drifted()
    neutron.rules.pop("by-hand")
    assert not drifted()


@pytest.mark.parametrize(
    "fields",
    [{"remote_group_id": "g2"}, {"remote_address_group_id": "a1"}, {"remote_ip_prefix": "10.0.0.0/8"}],
)
def test_a_rule_for_another_remote_side_is_another_rule(neutron: FakeNeutron, fields: dict[str, str]) -> None:
    CRUD.create(ARGS)
    (rule_id,) = (rule_id for rule_id, rule in neutron.rules.items() if rule["protocol"] == "tcp")
    neutron.rules[rule_id] |= fields
    assert drifted()


@pytest.mark.parametrize(
    "fields",
    [{"protocol": "6"}, {"remote_ip_prefix": "0.0.0.0/0"}, {"description": "a comment"}],
)
def test_what_means_the_same_is_no_drift(neutron: FakeNeutron, fields: dict[str, str]) -> None:
    CRUD.create(ARGS)
    (rule_id,) = (rule_id for rule_id, rule in neutron.rules.items() if rule["protocol"] == "tcp")
    neutron.rules[rule_id] |= fields
    assert not drifted()


def test_a_group_that_is_not_there_is_gone(neutron: FakeNeutron) -> None:
    neutron.there = False
    assert CRUD.read("p1", state()).id == ""


def test_another_project_replaces() -> None:
    assert CRUD.diff("p1", state(), {**ARGS, "project_id": "p2"}).replaces == ["project_id"]


def test_delete_leaves_an_unused_group_to_neutron_by_deleting_it(neutron: FakeNeutron) -> None:
    CRUD.delete("p1", state())
    assert neutron.changes == ["delete group"]


def test_delete_of_a_group_that_is_gone_is_success(neutron: FakeNeutron) -> None:
    neutron.there = False
    CRUD.delete("p1", state())
    assert neutron.changes == ["delete group"], "and nothing is made in its place"


def test_delete_gives_a_used_group_the_clouds_own_rules(neutron: FakeNeutron) -> None:
    CRUD.create(ARGS)
    neutron.in_use = True
    parent = stored(Rule(direction="ingress", ethertype="IPv4", group=SAME_GROUP), remote_group_id="PARENT")
    neutron.template = [
        {**parent, "used_in_default_sg": True},
        {**stored(SSH), "used_in_default_sg": False},
    ]
    CRUD.delete("p1", state())
    assert neutron.live == {Rule(direction="ingress", ethertype="IPv4", group=SAME_GROUP)}


def test_delete_gives_back_the_well_known_rules_where_neutron_has_no_template(neutron: FakeNeutron) -> None:
    CRUD.create(ARGS)
    neutron.in_use, neutron.template = True, None
    CRUD.delete("p1", state())
    assert neutron.live == NEUTRONS_OWN


def test_delete_keeps_a_group_that_rules_of_others_name(neutron: FakeNeutron) -> None:
    CRUD.create(ARGS)
    neutron.named_elsewhere, neutron.template = True, None
    CRUD.delete("p1", state())
    assert "delete group" not in neutron.changes
    assert neutron.live == NEUTRONS_OWN


def test_the_name_in_state_stays() -> None:
    assert DefaultSecurityGroupProvider.__module__ == "dynamic_providers.default_security_group.provider"
    assert DefaultSecurityGroup._resource_type_name == "dynamic/networking:DefaultSecurityGroup"
