"""A default security group's CRUD against a fake Neutron at the REST level.

The fake answers as Neutron 29 did in the lab; what a real one does is shown by tests/lab/test_project_limits.py.
"""

import json
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from clients import openstack
from clients.errors import CloudError
from clients.neutron.security_group_rules import NEUTRONS_OWN, SAME_GROUP, Rule
from dynamic_providers.default_security_group.provider import (
    DefaultSecurityGroup,
    DefaultSecurityGroupProvider,
)

OUT = [Rule(direction="egress", ethertype="IPv4"), Rule(direction="egress", ethertype="IPv6")]
SSH = Rule(direction="ingress", ethertype="IPv4", protocol="tcp", port_min=22, port_max=22)
ARGS = {
    "cloud": "admin",
    "project_id": "p1",
    "rules": [rule.model_dump(exclude_none=True) for rule in sorted([*OUT, SSH])],
}
GROUP = "/security-groups/g1"


def answer(status: int, body: dict[str, Any] | None = None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = b"" if body is None else json.dumps(body).encode()
    return response


def refused(status: int, kind: str) -> requests.Response:
    return answer(status, {"NeutronError": {"type": kind, "message": f"{kind} it is.", "detail": ""}})


def stored(rule: Rule, **fields: Any) -> dict[str, Any]:
    return {**rule.for_neutron("g1", "p1"), **fields}


class FakeNeutron:
    """One default group with rules by their ids; `changes` tells what was asked of it, in order."""

    def __init__(self, *rules: Rule) -> None:
        self.network = self
        self.rules: dict[str, dict[str, Any]] = {
            f"r{number}": stored(rule) for number, rule in enumerate(rules)
        }
        self.makes_groups = self.there = True
        self.named_elsewhere = self.in_use = False
        self.template: list[dict[str, Any]] | None = []
        self.conflict = ""
        self.changes: list[str] = []

    def get(self, url: str, params: dict[str, str] | None = None) -> requests.Response:
        if url == "/security-groups":
            assert params == {"project_id": "p1", "name": "default"}
            return answer(
                200,
                {
                    "security_groups": [{"id": "g1", "name": "default", "project_id": "p1"}]
                    if self.makes_groups
                    else []
                },
            )
        if url == "/security-group-rules":
            others = [{"security_group_id": "g2"}] if self.named_elsewhere else []
            return answer(200, {"security_group_rules": [{"security_group_id": "g1"}, *others]})
        if url == "/default-security-group-rules":
            if self.template is None:
                return answer(404, {})
            return answer(200, {"default_security_group_rules": self.template})
        assert url == GROUP
        if not self.there:
            return answer(404, {})
        rules = [{"id": rule_id, **rule} for rule_id, rule in self.rules.items()]
        return answer(200, {"security_group": {"id": "g1", "security_group_rules": rules}})

    def post(self, url: str, json: dict[str, Any]) -> requests.Response:
        assert url == "/security-group-rules"
        if self.conflict:
            return refused(409, self.conflict)
        rule = json["security_group_rule"]
        assert (rule["security_group_id"], rule["project_id"]) == ("g1", "p1")
        self.changes.append("add")
        self.rules[f"n{len(self.changes)}"] = rule
        return answer(201, {})

    def delete(self, url: str) -> requests.Response:
        if url == GROUP:
            if self.in_use:
                return refused(409, "SecurityGroupInUse")
            self.changes.append("delete group")
            return answer(204 if self.there else 404)
        rule_id = url.removeprefix("/security-group-rules/")
        self.changes.append(f"remove {rule_id}")
        return answer(204 if self.rules.pop(rule_id, None) else 404)

    @property
    def live(self) -> set[Rule]:
        return {Rule.of_neutron(rule, "g1") for rule in self.rules.values()}


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
    with pytest.raises(CloudError, match=r"Neutron refused to add a rule to g1: 409, OverQuota it is\."):
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
