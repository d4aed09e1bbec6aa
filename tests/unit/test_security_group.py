"""What the stack file may say of a default security group, and which of Neutron's rules that means."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from clients.neutron.security_group_rules import NEUTRONS_OWN, SAME_GROUP, Rule
from config.security_group import DefaultGroup, DefaultSecurityGroupSpec, SecurityGroupSpec

GROUP: TypeAdapter[DefaultSecurityGroupSpec | None] = TypeAdapter(DefaultGroup)
EVERYTHING_OUT = {Rule(direction="egress", ethertype="IPv4"), Rule(direction="egress", ethertype="IPv6")}


def rules(value: Any) -> set[Rule]:
    spec = GROUP.validate_python(value)
    assert spec is not None
    return set(spec.rules)


def ingress(**fields: Any) -> list[Rule]:
    spec = DefaultSecurityGroupSpec.model_validate({"ingress": [fields], "egress": "none"})
    return sorted(spec.rules)


def test_neutron_leaves_the_group_alone() -> None:
    assert GROUP.validate_python("neutron") is None


def test_closed_lets_nothing_in_and_everything_out() -> None:
    assert rules("closed") == rules({}) == EVERYTHING_OUT


def test_no_egress_and_no_ingress_is_no_rule_at_all() -> None:
    assert rules({"egress": "none"}) == rules({"egress": []}) == set()


def test_what_neutron_does_itself_can_be_said() -> None:
    assert rules({"ingress": [{"protocol": "any", "remote": SAME_GROUP}], "egress": "all"}) == NEUTRONS_OWN


def test_a_rule_for_the_same_group_is_about_both_ip_versions() -> None:
    made = ingress(protocol="tcp", ports=22, remote=SAME_GROUP)
    assert [(rule.ethertype, rule.port_min, rule.port_max, rule.group) for rule in made] == [
        ("IPv4", 22, 22, SAME_GROUP),
        ("IPv6", 22, 22, SAME_GROUP),
    ]


@pytest.mark.parametrize(
    ("protocol", "remote", "expected"),
    [
        ("icmp", SAME_GROUP, [("IPv4", "icmp")]),
        ("icmpv6", SAME_GROUP, [("IPv6", "ipv6-icmp")]),
        (58, "2001:db8::/32", [("IPv6", "ipv6-icmp")]),
        ("6", "10.0.0.0/8", [("IPv4", "tcp")]),
        ("TCP", "10.0.0.0/8", [("IPv4", "tcp")]),
        (253, "10.0.0.0/8", [("IPv4", "253")]),
        ("any", "::/0", [("IPv6", None)]),
    ],
)
def test_a_protocol_has_one_name(
    protocol: object, remote: str, expected: list[tuple[str, str | None]]
) -> None:
    assert [(rule.ethertype, rule.protocol) for rule in ingress(protocol=protocol, remote=remote)] == expected


def test_a_rule_lets_in_its_remote_side_alone() -> None:
    (rule,) = ingress(protocol="tcp", ports="8000-8100", remote="10.20.0.0/24")
    assert (rule.cidr, rule.group, rule.port_min, rule.port_max) == ("10.20.0.0/24", None, 8000, 8100)


def test_a_rule_for_a_group_may_be_about_one_ip_version() -> None:
    (rule,) = ingress(protocol="tcp", remote=SAME_GROUP, ethertype="ipv6")
    assert (rule.ethertype, rule.group) == ("IPv6", SAME_GROUP)


def test_an_icmp_type_has_a_code() -> None:
    (rule,) = ingress(protocol="icmp", icmp_type=3, icmp_code=0, remote="10.0.0.0/8")
    assert (rule.port_min, rule.port_max) == (3, 0)


def named(**fields: Any) -> SecurityGroupSpec:
    return SecurityGroupSpec.model_validate({"name": "web", "project": "p", "domain": "d", **fields})


def test_a_rule_names_another_group_by_its_id_and_its_own_group_as_neutrons_rule_is_read() -> None:
    spec = named(
        ingress=[{"protocol": "tcp", "remote": {"group": name}} for name in ("db", "web")], egress="none"
    )
    assert spec.named_groups == ("db",)
    assert {rule.group for rule in spec.rules({"db": "g2"})} == {"g2", SAME_GROUP}


def test_rules_that_differ_in_the_group_that_they_name_are_others() -> None:
    assert len(named(ingress=[{"protocol": "tcp", "remote": {"group": name}} for name in "ab"]).ingress) == 2


def test_without_egress_everything_goes_out() -> None:
    assert named().rules({}) == EVERYTHING_OUT
    assert named(egress="none").rules({}) == set()


def test_every_port_is_no_range() -> None:
    assert ingress(protocol="udp", ports="1-65535", remote="10.0.0.0/8") == ingress(
        protocol="udp", remote="10.0.0.0/8"
    )


@pytest.mark.parametrize(
    ("rule", "where", "sentence"),
    [
        ({"protocol": "tpc", "remote": "::/0"}, "protocol", "'tpc' is not a protocol; did you mean 'tcp'?"),
        (
            {"protocol": 256, "remote": "::/0"},
            "protocol",
            "256 is not a protocol; give 'tcp', 'udp', 'icmp', a",
        ),
        ({"protocol": 0, "remote": "::/0"}, "protocol", "0 is not a protocol; give 'tcp', 'udp', 'icmp', a"),
        ({"protocol": True, "remote": "::/0"}, "protocol", "True is not a protocol; give 'tcp'"),
        (
            {"protocol": "tcp", "remote": "10.0.0.1"},
            "remote",
            "'10.0.0.1' is not a CIDR; give one such as '10.20.0.0/24', or 'same-group'",
        ),
        (
            {"protocol": "tcp", "remote": "10.0.0.1/8"},
            "remote",
            "'10.0.0.1/8' has host bits set; the network is '10.0.0.0/8'",
        ),
        (
            {"protocol": "icmp", "remote": "::/0"},
            "remote",
            "::/0 is no IPv4, and icmp is IPv4 only; give ipv6-icmp",
        ),
        (
            {"protocol": "ipv6-icmp", "remote": "10.0.0.0/8"},
            "remote",
            "10.0.0.0/8 is no IPv6, and ipv6-icmp is IPv6 only; give an IPv6 address",
        ),
        (
            {"protocol": "tcp", "ports": "22,80", "remote": "::/0"},
            "ports",
            "'22,80' is not a port or a range of ports; give one such as '22' or '8000-8100'",
        ),
        (
            {"protocol": "tcp", "ports": "90-80", "remote": "::/0"},
            "ports",
            "'90-80' is no range of ports; give numbers from 1 to 65535, the lower first",
        ),
        ({"protocol": "tcp", "ports": 0, "remote": "::/0"}, "ports", "0 is no range of ports; give numbers"),
        (
            {"protocol": "any", "ports": 22, "remote": "::/0"},
            "ports",
            "protocol 'any' has no ports; drop them, or give tcp, udp, sctp, dccp, udplite",
        ),
        (
            {"protocol": "tcp", "icmp_type": 8, "remote": "::/0"},
            "icmp_type",
            "protocol 'tcp' has no ICMP types; drop this, or give icmp or ipv6-icmp",
        ),
        (
            {"protocol": "icmp", "icmp_type": 256, "remote": "10.0.0.0/8"},
            "icmp_type",
            "256 is not an ICMP type or code; give a number from 0 to 255",
        ),
        (
            {"protocol": "icmp", "icmp_code": 4, "remote": "10.0.0.0/8"},
            "icmp_code",
            "an ICMP code belongs to a type; give icmp_type too",
        ),
        (
            {"protocol": "icmp", "icmp_type": 3, "icmp_code": -1, "remote": "10.0.0.0/8"},
            "icmp_code",
            "-1 is not an ICMP type or code",
        ),
        (
            {"protocol": "tcp", "icmp_code": 4, "icmp_type": None, "remote": "10.0.0.0/8"},
            "icmp_code",
            "protocol 'tcp' has no ICMP types",
        ),
        (
            {"protocol": "tcp", "ethertype": "IPv5", "remote": "10.0.0.0/8"},
            "ethertype",
            "'IPv5' is not an ethertype; give 'IPv4' or 'IPv6'",
        ),
        (
            {"protocol": "tcp", "ethertype": "ipv6", "remote": "10.0.0.0/8"},
            "ethertype",
            "remote 10.0.0.0/8 is IPv4 only; give 'IPv4', or drop this",
        ),
        (
            {"protocol": "icmp", "ethertype": "IPv6", "remote": SAME_GROUP},
            "ethertype",
            "protocol icmp is IPv4 only; give 'IPv4', or drop this",
        ),
        (
            {"protocol": "tcp", "remote": {"group": "web"}},
            "remote",
            "{'group': 'web'} is not a CIDR; give one such as '10.20.0.0/24', or 'same-group'",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_gets_a_sentence(rule: dict[str, Any], where: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        GROUP.validate_python({"ingress": [rule]})
    (error,) = raised.value.errors()
    assert error["loc"] == ("ingress", 0, where)
    assert error["msg"].startswith(sentence)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("close", "'close' is not known here; did you mean 'closed'?"),
        ("open", "'open' is not known here; give 'neutron', 'closed' or {ingress, egress}"),
        ({"egress": "some"}, "'some' is not known here; give 'all', 'none', or a list of rules"),
        (
            {"ingress": [{"protocol": "tcp", "remote": "::/0"}, {"protocol": 6, "remote": "::/0"}]},
            "a rule before lets the same through; drop one of them",
        ),
    ],
)
def test_what_is_wrong_with_a_group_gets_a_sentence(value: object, sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        GROUP.validate_python(value)
    assert [error["msg"] for error in raised.value.errors()] == [sentence]
