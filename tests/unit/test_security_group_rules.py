"""The CRUD of a named security group's rules against a fake Neutron at the REST level.

What a real one does is shown by tests/lab/test_security_groups.py.
"""

from contextlib import contextmanager
from typing import Any

import pytest

from clients import openstack
from clients.errors import CloudError, InUseError
from clients.neutron.security_group_rules import Rule
from dynamic_providers.security_group_rules.provider import SecurityGroupRules, SecurityGroupRulesProvider
from tests.unit.fake_security_groups import FakeNeutron, stored

OUT = [Rule(direction="egress", ethertype="IPv4"), Rule(direction="egress", ethertype="IPv6")]
FROM_DB = Rule(direction="ingress", ethertype="IPv4", protocol="tcp", port_min=22, port_max=22, group="g2")
ARGS: dict[str, Any] = {
    "cloud": "admin",
    "project_id": "p1",
    "security_group_id": "g1",
    "rules": [rule.model_dump(exclude_none=True) for rule in sorted([*OUT, FROM_DB])],
}
CRUD = SecurityGroupRulesProvider()


def port(id_: str, **fields: str) -> dict[str, str]:
    return {"id": id_, "name": "", "device_owner": "", "device_id": "", **fields}


def servers(device_id: str) -> dict[str, str]:
    return port(f"port-{device_id}", device_owner="compute:nova", device_id=device_id)


@pytest.fixture
def neutron(monkeypatch: pytest.MonkeyPatch) -> FakeNeutron:
    fake = FakeNeutron(*OUT)

    @contextmanager
    def connect(cloud: str) -> Any:
        assert cloud == "admin"
        yield fake

    monkeypatch.setattr(openstack, "connect", connect)
    return fake


def test_create_adds_what_is_declared_and_keeps_what_neutron_gave_a_new_group(neutron: FakeNeutron) -> None:
    made = CRUD.create(ARGS)
    assert (made.id, made.outs) == ("g1", ARGS)
    assert neutron.changes == ["add"]
    assert neutron.live == {*OUT, FROM_DB}


def test_a_second_group_of_the_name_is_refused_when_it_is_made_and_not_later(neutron: FakeNeutron) -> None:
    neutron.namesakes = [{"id": "g9", "project_id": "p1", "name": "Default"}]
    CRUD.create(ARGS)
    neutron.namesakes = [{"id": "g9", "project_id": "p1", "name": "default"}]
    with pytest.raises(CloudError, match=r"another security group 'default' \(g9\)"):
        CRUD.create(ARGS)
    CRUD.update("g1", ARGS, {**ARGS, "rules": []})
    assert neutron.live == set()


def test_a_rule_is_added_before_the_one_that_it_takes_the_place_of_is_removed(neutron: FakeNeutron) -> None:
    CRUD.create(ARGS)
    wider = FROM_DB.model_copy(update={"port_max": 23})
    CRUD.update("g1", ARGS, {**ARGS, "rules": [wider.model_dump(exclude_none=True)]})
    assert [change.split()[0] for change in neutron.changes] == ["add", "add", *["remove"] * 3]
    assert neutron.live == {wider}


def test_a_rule_lost_and_one_added_by_hand_are_found(neutron: FakeNeutron) -> None:
    CRUD.create(ARGS)
    assert not CRUD.diff("g1", CRUD.read("g1", ARGS).outs or {}, ARGS).changes
    neutron.rules["by-hand"] = stored(FROM_DB, remote_group_id="g3")
    assert CRUD.diff("g1", CRUD.read("g1", ARGS).outs or {}, ARGS).changes
    neutron.rules.clear()
    assert CRUD.diff("g1", CRUD.read("g1", ARGS).outs or {}, ARGS).changes


def test_rules_of_a_group_that_is_gone_are_gone(neutron: FakeNeutron) -> None:
    neutron.there = False
    assert CRUD.read("g1", ARGS).id == ""
    CRUD.delete("g1", ARGS)


def test_rules_go_with_their_group_and_not_before_it(neutron: FakeNeutron) -> None:
    CRUD.delete("g1", ARGS)
    assert neutron.changes == []


def test_a_group_in_use_is_refused_by_its_servers_and_ports_names(neutron: FakeNeutron) -> None:
    neutron.ports = [servers("1"), servers("hidden"), port("p3", name="vip"), port("p4")]
    with pytest.raises(InUseError) as raised:
        CRUD.delete("g1", ARGS)
    assert str(raised.value) == (
        "security group 'default' (g1) is used by server vm-1 (port port-1), server hidden (port port-hidden), port vip, "
        "port p4; give them another group first, or delete them"
    )
    assert CRUD.refusals("g1", ARGS) == [str(raised.value)]
    neutron.ports += [port("p5"), port("p6"), port("p7")]
    assert "port p5 and 2 more ports; give" in CRUD.refusals("g1", ARGS)[0]


def test_another_group_replaces_and_other_rules_do_not() -> None:
    assert CRUD.diff("g1", ARGS, {**ARGS, "security_group_id": "g2"}).replaces == ["security_group_id"]
    assert CRUD.diff("g1", ARGS, {**ARGS, "rules": []}).replaces == []


def test_the_name_in_state_stays() -> None:
    assert SecurityGroupRulesProvider.__module__ == "dynamic_providers.security_group_rules.provider"
    assert SecurityGroupRules._resource_type_name == "dynamic/networking:SecurityGroupRules"
