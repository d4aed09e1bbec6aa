"""Each rule of the policy pack: what breaks it, what keeps it."""

from pathlib import Path
from typing import Any, get_args

import pytest

from config import resource_types as tokens
from config.policy import RuleName
from policy.declared import UNKNOWN, Declared
from policy.rule import Facts, Rule
from policy.rules import RULES
from tests.unit.policy_stack import facts, resource

BY_NAME: dict[str, Rule] = {rule.name: rule for rule in RULES}

MANAGEMENT = {"vlan": 100, "cidr": "10.10.0.0/24"}
SHA256 = "3f1c8a5d9be27064c1d8e0f2a4b6957830cd1e2f5a6b7c8d9e0f1a2b3c4d5e6f"


def network(name: str = "vms", vlan: Any = 200, physical: str = "physnet1", **props: Any) -> Declared:
    segment = {"networkType": "vlan", "physicalNetwork": physical, "segmentationId": vlan}
    return resource(tokens.NETWORK, name, segments=[segment], **props)


def subnet(name: str = "v4", cidr: str = "10.20.0.0/24", **props: Any) -> Declared:
    return resource(tokens.SUBNET, name, **{"cidr": cidr, "enableDhcp": True, **props})


def host(name: str, vlans: Any, roles: tuple[str, ...] = ("compute",)) -> Declared:
    return resource(tokens.HOST, name, vlans=vlans, roles=list(roles))


def group(**rule: Any) -> Declared:
    ingress = {"direction": "ingress", "ethertype": "IPv4", **rule}
    return resource(tokens.DEFAULT_SECURITY_GROUP, "development", rules=[ingress])


def named_group(**rule: Any) -> Declared:
    ingress = {"direction": "ingress", "ethertype": "IPv4", **rule}
    return resource(tokens.SECURITY_GROUP_RULES, "development@corp/web", rules=[ingress])


def plugin_rule(**props: Any) -> Declared:
    return resource(tokens.SECURITY_GROUP_RULE, "ssh", **{"direction": "ingress", "protocol": "tcp", **props})


def image(**props: Any) -> Declared:
    return resource(tokens.RBD_IMAGE, "debian-12", **{"sha256": SHA256, **props})


def plugin_image(**props: Any) -> Declared:
    return resource(tokens.PLUGIN_IMAGE, "cirros", **props)


def ldap(**options: Any) -> Declared:
    return resource(tokens.DOMAIN_CONFIG, "corp", options={"ldap": options})


def quotas_of(project: Declared, *kinds: str) -> list[Declared]:
    return [resource(kind, depends_on={"projectId": frozenset({project.urn})}) for kind in kinds]


def account(*roles: str) -> dict[str, Any]:
    access = [{"roles": list(roles), "project": "dev", "domain": "Default"}]
    return {
        "accounts": [
            {"name": "nightly", "domain": "Default", "password": {"generated": 1}, "access": access}
        ],
        "projects": [{"name": "dev", "domain": "Default"}],
    }


def admin_grant(principal: str, domain: str) -> dict[str, Any]:
    scope = {"project": "dev", "domain": "Default"}
    return {
        "projects": [{"name": "dev", "domain": "Default"}],
        "existing_domains": ["corp"],
        "grants": [{"role": "admin", principal: {"name": "someone", "domain": domain}, "scope": scope}],
    }


def looked_up_image(folder: Path) -> dict[str, Any]:
    (folder / "SHA256SUMS").write_text(f"{SHA256}  debian-12.qcow2\n", encoding="utf-8")
    store = {"cloud": "admin", "pool": "images", "ceph_user": "image-import"}
    looked_up = {"name": "debian-12", "source": "debian-12.qcow2", "sha256sums": str(folder / "SHA256SUMS")}
    return {"image_store": store, "images": [looked_up]}


PROJECT = resource(tokens.PROJECT, "dev@corp")
DOMAIN = resource(tokens.PROJECT, "corp", isDomain=True)
USER = resource(tokens.USER, "nightly")
CREDENTIAL = resource(tokens.APPLICATION_CREDENTIAL, depends_on={"user_id": frozenset({USER.urn})})
ALL_QUOTAS = (tokens.COMPUTE_QUOTA, tokens.NETWORK_QUOTA, tokens.VOLUME_QUOTA)
SERVERS = {"policy": {"dns_servers": ["10.10.0.53", "2001:db8::53"]}}

BREAKS: list[tuple[str, list[Declared], dict[str, Any], str]] = [
    (
        "vlan-used-once",
        [network("a"), network("b")],
        {},
        "VLAN 200 on physnet1 is that of network 'a' already",
    ),
    ("vlan-used-once", [network("a"), network("b", 200.0)], {}, "VLAN 200 on physnet1"),
    ("vlan-used-once", [network(vlan=100)], {"management": MANAGEMENT}, "is the management VLAN"),
    ("vlan-on-the-trunk", [network(), host("compute-1", [201.0])], {}, "not on the trunk of compute-1,"),
    (
        "vlan-on-the-trunk",
        [network(), *(host(f"c-{number}", []) for number in range(5))],
        {},
        "the trunk of c-0, c-1, c-2 and 2 more",
    ),
    ("vlan-on-the-trunk", [network(), host("net-1", [], ("network", "control"))], {}, "of net-1"),
    ("subnets-apart", [subnet(cidr="10.10.0.0/16")], {"management": MANAGEMENT}, "of the management VLAN"),
    ("subnets-apart", [subnet("a"), subnet("b", "10.20.0.128/25")], {}, "10.20.0.0/24 of subnet 'a'"),
    ("two-dns-servers", [subnet()], {}, "no DNS server"),
    ("two-dns-servers", [subnet(dnsNameservers=["10.10.0.53"])], {}, "only the DNS server 10.10.0.53"),
    ("two-dns-servers", [subnet(dnsNameservers=["10.10.0.53"] * 2)], {}, "only the DNS server"),
    ("two-dns-servers", [subnet(ipv6AddressMode="slaac", ipv6RaMode="slaac")], {}, "no DNS server"),
    ("dns-of-the-company", [subnet(dnsNameservers=["8.8.8.8"])], SERVERS, "8.8.8.8 is none of the company's"),
    ("network-not-for-everyone", [network(shared=True)], {}, "shared with every project"),
    ("image-pinned", [resource(tokens.RBD_IMAGE, "own")], {}, "it has no SHA-256"),
    ("image-pinned", [plugin_image(imageSourceUrl="https://example.com/i")], {}, "nothing says"),
    ("image-raw", [plugin_image(diskFormat="qcow2")], {}, "'qcow2'"),
    ("image-not-public", [image(visibility="public")], {}, "visibility is public"),
    ("image-not-public", [plugin_image(visibility="public")], {}, "visibility is public"),
    ("image-protected", [image(protected=False)], {}, "Glance deletes it"),
    ("no-admin-account", [], account("member", "admin"), "it has the role admin on dev@Default"),
    ("no-admin-account", [], admin_grant("user", "Default"), "someone@Default"),
    ("no-password-login", [USER], {}, "log in with its password"),
    ("directory-verified", [ldap(url="ldap://ldap.example", use_tls="False")], {}, "without TLS"),
    ("directory-verified", [ldap(url="ldaps://a,ldap://b")], {}, "'ldap://b' is asked without TLS"),
    ("directory-verified", [ldap(url="ldaps://a", tls_req_cert="never")], {}, "any certificate"),
    (
        "narrow-ceph-caps",
        [resource(tokens.CEPH_USER, caps={"mon": "profile rbd", "osd": "allow *"})],
        {},
        "'allow *' reaches everything that osd guards",
    ),
    ("tls-verified", [resource(tokens.PROVIDER, "openstack", insecure="true")], {}, "`insecure`"),
    ("not-open-to-the-world", [group(protocol="tcp", port_min=22, port_max=22)], {}, "SSH (port 22)"),
    (
        "not-open-to-the-world",
        [group(protocol="tcp", port_min=1, port_max=4000.0, cidr="0.0.0.0/0")],
        {},
        "RDP",
    ),
    ("not-open-to-the-world", [group(cidr="::/0", ethertype="IPv6")], {}, "every IPv6 address"),
    ("not-open-to-the-world", [named_group(protocol="tcp", port_min=20, port_max=30)], {}, "SSH (port 22)"),
    ("not-open-to-the-world", [group(cidr="128.0.0.0/1")], {}, "SSH"),
    ("not-open-to-the-world", [plugin_rule(portRangeMin=22, remoteIpPrefix="0.0.0.0/0")], {}, "SSH"),
    ("not-open-to-the-world", [plugin_rule()], {}, "RDP"),
    ("quota-set", [PROJECT], {}, "no quota for compute and network and volume"),
    ("quota-set", [PROJECT, *quotas_of(PROJECT, *ALL_QUOTAS[:2])], {}, "no quota for volume"),
    ("deletion-protection", [network()], {}, "can remove it"),
    ("deletion-protection", [DOMAIN], {}, "can remove it"),
    ("names", [network("Lab Net")], {}, "the network's name 'Lab Net' does not match"),
    ("names", [resource(tokens.PROJECT, "Corp", isDomain=True)], {}, "the domain's name 'Corp'"),
    ("names", [network("x-vms")], {"policy": {"names": {"network": "vms-.+"}}}, "does not match 'vms-.+'"),
]

LOOSENED = {"policy": {"production": True, "levels": {"names": "advisory", "quota-set": "mandatory"}}}

KEEPS: list[tuple[str, list[Declared], dict[str, Any]]] = [
    ("vlan-used-once", [network("a"), network("b", physical="physnet2"), network("c", 201)], {}),
    ("vlan-used-once", [network("a", UNKNOWN), network("b", UNKNOWN)], {}),
    ("vlan-on-the-trunk", [network(), host("c", [200.0]), host("s", [], ("storage", "control"))], {}),
    ("vlan-on-the-trunk", [network()], {}),
    ("vlan-on-the-trunk", [network(), host("c", UNKNOWN)], {}),
    (
        "subnets-apart",
        [subnet("a"), subnet("b", "10.20.1.0/24"), subnet("c", "2001:db8::/64"), subnet("d", "")],
        {"management": MANAGEMENT},
    ),
    ("two-dns-servers", [subnet(dnsNameservers=["10.10.0.53", "10.10.0.54"])], {}),
    ("two-dns-servers", [subnet(enableDhcp=False), subnet(ipv6AddressMode="slaac")], {}),
    ("two-dns-servers", [subnet(dnsNameservers=UNKNOWN)], {}),
    ("dns-of-the-company", [subnet(dnsNameservers=["10.10.0.53", "2001:0db8::53", UNKNOWN])], SERVERS),
    ("dns-of-the-company", [subnet(dnsNameservers=["8.8.8.8"])], {}),
    ("network-not-for-everyone", [network(shared=False), network(shared=UNKNOWN)], {}),
    ("image-pinned", [image(), plugin_image(verifyChecksum=True)], {}),
    ("fleet-image-pinned", [resource(tokens.SERVER_FLEET)], {}),
    ("fleet-owners-asked", [resource(tokens.SERVER_FLEET)], {}),
    ("fleet-homes-not-nightly", [resource(tokens.SERVER_FLEET)], {}),
    ("image-raw", [plugin_image(diskFormat="raw"), image(), plugin_image(diskFormat=UNKNOWN)], {}),
    ("image-not-public", [image(visibility="community")], {}),
    ("image-protected", [image(protected=True)], {}),
    ("no-admin-account", [USER], account("member", "reader")),
    ("no-admin-account", [], admin_grant("group", "corp")),
    ("no-password-login", [USER, CREDENTIAL], {}),
    ("directory-verified", [ldap(url="ldap://a", use_tls="True", tls_req_cert="demand")], {}),
    ("directory-verified", [ldap(url="ldaps://a,ldaps://b"), resource(tokens.DOMAIN_CONFIG, options={})], {}),
    (
        "narrow-ceph-caps",
        [
            resource(
                tokens.CEPH_USER, caps={"mon": "profile rbd", "osd": UNKNOWN, "mgr": "profile rbd pool=a"}
            )
        ],
        {},
    ),
    ("tls-verified", [resource(tokens.PROVIDER, "openstack", insecure="false")], {}),
    ("keystone-over-tls", [], {}),
    ("not-open-to-the-world", [group(protocol="tcp", port_min=22, port_max=22, cidr="10.0.0.0/8")], {}),
    ("not-open-to-the-world", [group(group="same-group"), group(protocol="udp"), group(protocol="icmp")], {}),
    ("not-open-to-the-world", [group(protocol="tcp", port_min=443, port_max=443)], {}),
    ("not-open-to-the-world", [group(direction="egress")], {}),
    ("not-open-to-the-world", [named_group(protocol="tcp", port_min=22, port_max=22, group="g2")], {}),
    ("not-open-to-the-world", [resource(tokens.SECURITY_GROUP_RULES, "web", rules=UNKNOWN)], {}),
    ("not-open-to-the-world", [plugin_rule(portRangeMin=22, remoteIpPrefix="192.0.2.0/24")], {}),
    ("not-open-to-the-world", [plugin_rule(remoteGroupId="a-group"), plugin_rule(direction="egress")], {}),
    ("not-open-to-the-world", [plugin_rule(portRangeMin=UNKNOWN)], {}),
    ("quota-set", [PROJECT, *quotas_of(PROJECT, *ALL_QUOTAS), DOMAIN], {}),
    ("deletion-protection", [network(protect=True), image()], {}),
    (
        "names",
        [network("vms-1.a"), PROJECT, resource(tokens.PROJECT, name="")],
        {"policy": {"names": {"project": ".*"}}},
    ),
    ("exceptions-current", [], {}),
    ("rules-held", [], {"policy": {"levels": {"quota-set": "mandatory", "image-protected": "advisory"}}}),
]


def found(rule: str, resources: list[Declared], stack: Facts) -> list[str]:
    return [finding.sentence for finding in BY_NAME[rule].find(resources, stack)]


@pytest.mark.parametrize(("rule", "resources", "keys", "message"), BREAKS)
def test_what_breaks_a_rule_is_told_in_a_sentence(
    rule: str, resources: list[Declared], keys: dict[str, Any], message: str
) -> None:
    sentences = found(rule, resources, facts(**keys))
    findings = list(BY_NAME[rule].find(resources, facts(**keys)))
    assert len(findings) >= 1
    assert message in " ".join([*sentences, *(finding.resource for finding in findings)])
    assert not any(sentence.endswith(".") for sentence in sentences)  # what follows brings its own


@pytest.mark.parametrize(("rule", "resources", "keys"), KEEPS)
def test_what_keeps_a_rule_is_let_pass(rule: str, resources: list[Declared], keys: dict[str, Any]) -> None:
    assert found(rule, resources, facts(**keys)) == []


def test_a_digest_that_is_looked_up_is_not_pinned(tmp_path: Path) -> None:
    assert "looked up in" in found("image-pinned", [image()], facts(**looked_up_image(tmp_path)))[0]


def fleet_of(**more: Any) -> dict[str, Any]:
    """What a stack file says that has a fleet."""
    fleet = {
        "name": "nightly",
        "project": {"name": "test", "domain": "Default"},
        "image": "debian-12",
        "flavor": "small",
        "networks": ["vms"],
        **more,
    }
    return {
        "projects": [{"name": "test", "domain": "Default"}],
        "flavors": [{"name": "small", "vcpus": 1, "ram_mb": 512, "disk_gb": 1}],
        "networks": [{"name": "vms", "segments": [{"physical_network": "p", "vlan": 300}], "shared": True}],
        "fleets": [fleet],
    }


@pytest.mark.parametrize(
    ("rule", "fleet", "broken"),
    [
        ("fleet-owners-asked", {"people": ["anna"], "update": {"mode": "proactive"}}, True),
        ("fleet-owners-asked", {"people": ["anna"]}, False),
        ("fleet-owners-asked", {"count": 1, "update": {"mode": "proactive"}}, False),
        ("fleet-homes-not-nightly", {"people": ["anna"], "home_gb": 1, "recreate": "2026-11-29"}, True),
        ("fleet-homes-not-nightly", {"people": ["anna"], "home_gb": 1}, False),
        ("fleet-homes-not-nightly", {"count": 1, "recreate": "2026-11-29"}, False),
    ],
)
def test_machines_with_owners_are_handled_with_care(
    rule: str, fleet: dict[str, Any], broken: bool, tmp_path: Path
) -> None:
    keys = fleet_of(**fleet) | looked_up_image(tmp_path)
    sentences = found(rule, [resource(tokens.SERVER_FLEET, "nightly")], facts(**keys))
    assert bool(sentences) is broken


def test_a_fleet_of_a_digest_that_is_looked_up_is_told(tmp_path: Path) -> None:
    keys = fleet_of(count=1)
    resources = [resource(tokens.SERVER_FLEET, "nightly")]
    looked_up = looked_up_image(tmp_path)
    assert "is looked up in" in found("fleet-image-pinned", resources, facts(**keys, **looked_up))[0]
    pinned = {"name": "debian-12", "source": "debian-12.qcow2", "sha256": SHA256}
    assert found("fleet-image-pinned", resources, facts(**keys, **{**looked_up, "images": [pinned]})) == []
    rule = BY_NAME["fleet-image-pinned"]
    assert rule.level_for(facts()) == "disabled"
    assert rule.level_for(facts(policy={"production": True})) == "mandatory"


@pytest.mark.parametrize(
    ("rule", "entry", "broken"),
    [
        ("tls-verified", "auth: {auth_url: 'https://keystone:5000'}\n    verify: false", True),
        ("tls-verified", "auth: {auth_url: 'https://keystone:5000'}\n    insecure: true", True),
        ("tls-verified", "auth: {auth_url: 'https://keystone:5000'}", False),
        ("keystone-over-tls", "auth: {auth_url: 'http://keystone:5000'}", True),
        ("keystone-over-tls", "auth: {auth_url: 'https://keystone:5000'}", False),
    ],
)
def test_the_clouds_that_the_stack_uses_are_looked_at(
    rule: str, entry: str, broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(f"clouds:\n  admin:\n    {entry}\n", encoding="utf-8")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
    assert bool(found(rule, [], facts())) is broken


def test_each_rule_is_broken_and_kept_by_a_test_here() -> None:
    elsewhere = {
        "exceptions-current",
        "fleet-image-pinned",
        "fleet-owners-asked",
        "fleet-homes-not-nightly",
        "keystone-over-tls",
        "rules-held",
    }  # in test_policy_pack.py, above, and below
    assert {rule for rule, *_ in BREAKS} | elsewhere == set(get_args(RuleName))
    assert {rule for rule, *_ in KEEPS} == set(get_args(RuleName))


def test_what_a_stack_loosens_is_told() -> None:
    assert found("rules-held", [], facts(**LOOSENED)) == [
        "the stack file makes it advisory, where it would be mandatory"
    ]


def test_the_stack_file_knows_exactly_the_rules_there_are() -> None:
    assert tuple(rule.name for rule in RULES) == get_args(RuleName)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_says_what_it_asks_why_and_what_to_do(rule: Rule) -> None:
    for text in (rule.asks, rule.reason, rule.remedy):
        assert text[0].isupper()
        assert text.endswith(".")
    order = ["disabled", "advisory", "mandatory"]
    assert order.index(rule.in_production) >= order.index(rule.level)


def test_a_stack_file_with_mistakes_leaves_the_rules_of_resources() -> None:
    unread = Facts(None, facts().today)
    of_resources = [
        (rule, resources, message) for rule, resources, keys, message in BREAKS if resources and not keys
    ]
    assert len(of_resources) > 20
    for rule, resources, message in of_resources:
        findings = list(BY_NAME[rule].find(resources, unread))
        assert message in " ".join(f"{finding.sentence} {finding.resource}" for finding in findings), rule
    of_the_file = {rule for rule, resources, *_ in BREAKS if not resources}
    assert [rule for rule in of_the_file if found(rule, [], unread)] == []
