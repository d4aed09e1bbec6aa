"""From what a cloud holds to stack-file entries, and back through the model of the stack file."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from openstack.compute.v2.flavor import Flavor
from openstack.compute.v2.server_group import ServerGroup
from openstack.exceptions import NotFoundException
from openstack.identity.v3.domain import Domain
from openstack.identity.v3.project import Project
from openstack.identity.v3.role import Role
from openstack.identity.v3.role_assignment import RoleAssignment
from openstack.identity.v3.user import User
from openstack.network.v2.network import Network
from openstack.network.v2.rbac_policy import RBACPolicy
from openstack.network.v2.security_group import SecurityGroup
from openstack.network.v2.subnet import Subnet

from config.load import parse
from config.settings import Settings
from operations.adopt.fit import fitting
from operations.adopt.found import LeftOut, Wanted, adopted_ids
from operations.adopt.live import Live, _projects_of
from operations.adopt.search import KINDS, search
from operations.stack_file.entry import Entry, MissingId

EMPTY: dict[str, Any] = {"openstack": {"cloud": "admin"}}

DEFAULT = Domain(id="default", name="Default", enabled=True)
CORP = Domain(id="d1", name="corp", description="People", enabled=True)
DEVELOPMENT = Project(
    id="p1", name="development", domain_id="d1", parent_id="d1", is_enabled=True, description=""
)
SERVICE = Project(id="p0", name="service", domain_id="default", parent_id="default", is_enabled=True)
VLAN = Network(
    id="n1",
    name="vms",
    provider_network_type="vlan",
    provider_physical_network="physnet1",
    provider_segmentation_id=200,
    mtu=1500,
    is_admin_state_up=True,
    is_port_security_enabled=True,
)
SUBNET = Subnet(
    id="s1",
    name="vms-v4",
    network_id="n1",
    cidr="10.20.0.0/24",
    gateway_ip="10.20.0.1",
    is_dhcp_enabled=True,
    allocation_pools=[{"start": "10.20.0.2", "end": "10.20.0.254"}],
    dns_nameservers=[],
    host_routes=[],
)
SHARE = RBACPolicy(id="r1", object_id="n1", action="access_as_shared", target_project_id="p1")

FLAVOR = Flavor(
    id="f1",
    name="test.small",
    vcpus=2,
    ram=4096,
    disk=20,
    is_public=False,
    extra_specs={"hw:cpu_policy": "dedicated"},
)


def of(*, domains: tuple[Domain, ...] = (), **things: Any) -> Live:
    """A cloud with THINGS, and every user's name in its id."""
    return Live(
        domains=(DEFAULT, *(domain for domain in domains if domain is not DEFAULT)),
        roles=(Role(id="member-id", name="member"),),
        principal=lambda _kind, id_: User(id=id_, name=id_.removesuffix("-id"), domain_id="default"),
        **things,
    )


def changed(live: Any, **values: Any) -> Any:
    return type(live)(**{**live.to_dict(), **values})


def grant(**scope: Any) -> RoleAssignment:
    return RoleAssignment(
        role={"id": "member-id"}, user={"id": "ci-runner-id"}, scope=scope or {"project": {"id": "p1"}}
    )


def adopted(live: Live, declared: dict[str, Any] | None = None, **wanted: Any) -> tuple[Settings, list[str]]:
    """The stack file with what was found, as the program reads it; and what was left out."""
    raw = EMPTY | (declared or {})
    found = search(live, Wanted(parse(raw, file_name="x", root=Path()), **wanted), KINDS)
    entries, not_fitting = fitting(raw, [item for item in found if isinstance(item, Entry)], Path())
    for entry in entries:
        raw = raw | {entry.section: [*raw.get(entry.section, []), entry.values]}
    for item in found:
        if isinstance(item, MissingId):
            section, index = item.path
            here = raw[str(section)][index]
            raw = raw | {str(section): [*raw[str(section)]]}
            raw[str(section)][index] = {**here, "adopt": item.adopt}
    left_out = [str(item) for item in (*found, *not_fitting) if isinstance(item, LeftOut)]
    return parse(raw, file_name="x", root=Path()), left_out


def values_of(live: Live, section: str) -> dict[str, Any]:
    """The one entry that LIVE comes to in SECTION, as it is written."""
    found = search(live, Wanted(parse(EMPTY, file_name="x", root=Path())), KINDS)
    entries, _ = fitting(EMPTY, [item for item in found if isinstance(item, Entry)], Path())
    (values,) = [entry.values for entry in entries if entry.section == section]
    return values


def test_what_is_there_comes_back_as_the_program_would_declare_it() -> None:
    live = of(
        domains=(DEFAULT, CORP),
        projects=(DEVELOPMENT, SERVICE),
        assignments=(grant(),),
        networks=(VLAN,),
        subnets=(SUBNET,),
        shares=(SHARE,),
    )
    settings, left_out = adopted(live)
    assert [(domain.name, domain.adopt, domain.description) for domain in settings.domains] == [
        ("corp", "d1", "People")
    ]
    assert [(project.qualified_name, project.adopt) for project in settings.projects] == [
        ("development@corp", "p1")
    ]
    assert [(role.qualified_name, role.adopt) for role in settings.grants] == [
        ("member/user/ci-runner@Default/development@corp", "/p1//ci-runner-id/member-id")
    ]
    (network,) = settings.networks
    assert [(share.qualified_name, share.adopt) for share in network.shared_with] == [
        ("development@corp", "r1")
    ]
    assert set(adopted_ids(settings)) == {"d1", "p1", "/p1//ci-runner-id/member-id", "n1", "s1", "r1"}
    assert left_out == ["project 'service@Default': it is OpenStack's own; it stays as it is"]


def test_an_entry_reads_as_a_person_would_write_it() -> None:
    values = values_of(of(networks=(VLAN,), subnets=(SUBNET,)), "networks")
    assert values == {
        "name": "vms",
        "adopt": "n1",
        "segments": [{"physical_network": "physnet1", "vlan": 200}],
        "subnets": [{"name": "vms-v4", "adopt": "s1", "cidr": "10.20.0.0/24"}],
    }
    assert list(values) == ["name", "adopt", "segments", "subnets"]


@pytest.mark.parametrize(
    ("live", "written"),
    [
        (
            {"gateway_ip": None, "allocation_pools": [{"start": "10.20.0.1", "end": "10.20.0.254"}]},
            {"gateway": "none"},
        ),
        (
            {
                "gateway_ip": "10.20.0.254",
                "allocation_pools": [{"start": "10.20.0.1", "end": "10.20.0.253"}],
            },
            {"gateway": "10.20.0.254"},
        ),
        (
            {"allocation_pools": [{"start": "10.20.0.9", "end": "10.20.0.20"}]},
            {"allocation_pools": [{"start": "10.20.0.9", "end": "10.20.0.20"}]},
        ),
        ({"allocation_pools": []}, {"allocation_pools": "none"}),
        ({"dns_nameservers": ["10.9.0.53", "10.8.0.53"]}, {"dns": ["10.9.0.53", "10.8.0.53"]}),
        ({"is_dhcp_enabled": False}, {"dhcp": False}),
        ({"description": "floor 2"}, {"description": "floor 2"}),
        (
            {
                "host_routes": [{"destination": "10.99.0.0/16", "nexthop": "10.20.0.7"}],
                "allocation_pools": [{"start": "10.20.0.9", "end": "10.20.0.20"}],
            },
            {
                "allocation_pools": [{"start": "10.20.0.9", "end": "10.20.0.20"}],
                "host_routes": [{"destination": "10.99.0.0/16", "next_hop": "10.20.0.7"}],
            },
        ),
    ],
    ids=", ".join,
)
def test_what_differs_from_what_is_usual_is_written(live: dict[str, Any], written: dict[str, Any]) -> None:
    values = values_of(of(networks=(VLAN,), subnets=(changed(SUBNET, **live),)), "networks")
    assert values["subnets"] == [{"name": "vms-v4", "adopt": "s1", "cidr": "10.20.0.0/24", **written}]


def test_an_ipv6_subnet_keeps_its_modes_and_the_gateway_that_neutron_chose() -> None:
    ipv6 = changed(
        SUBNET,
        cidr="fd00:20::/64",
        gateway_ip="fd00:20::",
        ip_version=6,
        ipv6_address_mode="slaac",
        ipv6_ra_mode="slaac",
        allocation_pools=[{"start": "fd00:20::1", "end": "fd00:20::ffff:ffff:ffff:ffff"}],
    )
    (values,) = values_of(of(networks=(VLAN,), subnets=(ipv6,)), "networks")["subnets"]
    assert values["ipv6"] == {"address_mode": "slaac", "ra_mode": "slaac"}
    assert values["gateway"] == "fd00:20::"
    assert "allocation_pools" not in values


@pytest.mark.parametrize(
    ("live", "written"),
    [
        ({"mtu": 9000}, {"mtu": 9000}),
        ({"is_shared": True}, {"shared": True}),
        ({"is_port_security_enabled": False}, {"port_security": False}),
        ({"availability_zone_hints": ["rack-1"]}, {"availability_hints": ["rack-1"]}),
        ({"tags": ["red", "blue"]}, {"tags": ["blue", "red"]}),
        ({"dns_domain": "vms.example."}, {"dns_domain": "vms.example."}),
        ({"qos_policy_id": "q1"}, {"qos_policy": "gold"}),
    ],
    ids=", ".join,
)
def test_what_a_network_has_of_its_own_is_written(live: dict[str, Any], written: dict[str, Any]) -> None:
    values = values_of(of(networks=(changed(VLAN, **live),), qos_policies={"q1": "gold"}), "networks")
    assert {key: values.get(key) for key in written} == written


def test_a_network_of_several_segments_keeps_them() -> None:
    segments = [
        {
            "provider:network_type": "vlan",
            "provider:physical_network": name,
            "provider:segmentation_id": vlan,
        }
        for name, vlan in (("physnet1", 200), ("physnet2", 201))
    ]
    values = values_of(of(networks=(changed(VLAN, segments=segments),)), "networks")
    assert values["segments"] == [
        {"physical_network": "physnet1", "vlan": 200},
        {"physical_network": "physnet2", "vlan": 201},
    ]


@pytest.mark.parametrize(
    ("live", "sentence"),
    [
        (of(networks=(changed(VLAN, provider_network_type="vxlan"),)), "it is vxlan, and the stack file knows VLANs only"),
        (of(networks=(changed(VLAN, provider_network_type="flat"),)), "it is flat"),
        (of(networks=(changed(VLAN, is_router_external=True),)), "it is external, which the stack file does not know"),
        (of(networks=(changed(VLAN, is_admin_state_up=False),)), "the stack file would put it up"),
        (of(networks=(changed(VLAN, qos_policy_id="q2"),)), "its QoS policy has a name that others have too"),
        (of(networks=(VLAN, changed(VLAN, id="n2"))), "several networks have this name; rename it (n2)"),
        (
            of(networks=(VLAN,), subnets=(changed(SUBNET, subnet_pool_id="x"),)),
            "subnet 'vms-v4' of network 'vms': it is from a subnet pool",
        ),
        (
            of(domains=(CORP,), projects=(DEVELOPMENT,), networks=(VLAN,), shares=(changed(SHARE, target_project_id="gone"),)),
            "share of network 'vms' with project 'gone@?': the stack file does not know the project",
        ),
        (of(domains=(changed(CORP, is_enabled=False),)), "domain 'corp': it is disabled"),
        (
            of(domains=(CORP,), projects=(changed(DEVELOPMENT, parent_id="p9"),)),
            "it is inside another project, and the stack file knows no project trees",
        ),
        (
            of(domains=(CORP,), projects=(changed(DEVELOPMENT, tags=["blue"]),)),
            "it has tags (blue), which the stack file does not know and Pulumi would remove",
        ),
        (
            of(domains=(DEFAULT,), users=(User(id="u1", name="nightly"),)),
            "account 'nightly@Default': nobody can read its password; to take it over, declare it with adopt: u1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_the_stack_file_cannot_say_is_left_out_with_a_sentence(live: Live, sentence: str) -> None:
    _, left_out = adopted(live)
    assert [line for line in left_out if sentence in line], left_out


def test_what_the_model_refuses_is_left_out_with_the_models_own_sentence() -> None:
    many = changed(
        SUBNET,
        id="s2",
        name="many",
        cidr="10.21.0.0/24",
        gateway_ip="10.21.0.1",
        allocation_pools=[{"start": "10.21.0.2", "end": "10.21.0.254"}],
        dns_nameservers=[f"10.9.0.{n}" for n in range(1, 8)],
    )
    settings, left_out = adopted(of(networks=(VLAN,), subnets=(many, SUBNET)))
    assert [subnet.name for subnet in settings.networks[0].subnets] == ["vms-v4"]
    assert "7 DNS servers are more than Neutron takes by default" in left_out[0]
    assert left_out[0].startswith("subnet 'many' of network 'vms': ")


def test_a_network_on_a_vlan_that_the_file_uses_is_left_out() -> None:
    declared = {"networks": [{"name": "old", "segments": [{"physical_network": "physnet1", "vlan": 200}]}]}
    settings, left_out = adopted(of(networks=(VLAN,)), declared)
    assert [network.name for network in settings.networks] == ["old"]
    assert left_out == [
        "network 'vms': VLAN 200 on physnet1 is used already by network 'old'; give each its own"
    ]


def test_what_the_stack_manages_or_adopts_already_is_not_found_again() -> None:
    live = of(domains=(CORP,), projects=(DEVELOPMENT,), assignments=(grant(),), networks=(VLAN,))
    managed = frozenset({"d1", "p1", "/p1//ci-runner-id/member-id", "n1"})
    wanted = Wanted(parse(EMPTY, file_name="x", root=Path()), managed=managed)
    assert search(live, wanted, KINDS) == []
    settings, _ = adopted(live)
    assert search(live, Wanted(settings, managed=frozenset(adopted_ids(settings))), KINDS) == []


def test_what_the_file_declares_and_the_state_has_lost_gets_its_id() -> None:
    declared = {
        "domains": [{"name": "corp", "description": "ours"}],
        "projects": [{"name": "development", "domain": "corp"}],
        "networks": [
            {"name": "vms", "segments": [{"physical_network": "physnet1", "vlan": 200}], "mtu": 1400}
        ],
    }
    live = of(domains=(CORP,), projects=(DEVELOPMENT,), networks=(VLAN,), subnets=(SUBNET,))
    settings, left_out = adopted(live, declared)
    assert (settings.domains[0].adopt, settings.domains[0].description) == ("d1", "ours")
    assert settings.projects[0].adopt == "p1"
    assert (settings.networks[0].adopt, settings.networks[0].mtu) == ("n1", 1400)
    assert left_out == [
        "subnet 'vms-v4' of network 'vms': its network is declared already; declare it there with adopt: s1"
    ]


def test_what_has_another_name_to_the_letter_is_not_taken_over() -> None:
    declared = {
        "domains": [{"name": "Corp"}],
        "projects": [{"name": "Development", "domain": "Corp"}],
        "existing_domains": [],
    }
    settings, left_out = adopted(of(domains=(CORP,), projects=(DEVELOPMENT,)), declared)
    assert settings.domains[0].adopt is None
    assert settings.projects[0].adopt is None
    assert "the stack file declares 'Corp', which Keystone takes for the same name" in left_out[0]


def test_names_select_and_a_grant_goes_by_its_project() -> None:
    other = changed(DEVELOPMENT, id="p2", name="lab-1")
    on_other = grant(project={"id": "p2"})
    live = of(
        domains=(CORP,), projects=(DEVELOPMENT, other), assignments=(grant(), on_other), networks=(VLAN,)
    )
    settings, _ = adopted(live, {"existing_domains": ["corp"]}, pattern="lab-*")
    assert [project.name for project in settings.projects] == ["lab-1"]
    assert [str(role.scope) for role in settings.grants] == ["lab-1@corp"]
    assert not settings.networks


def test_an_inherited_grant_and_one_on_the_same_domain_are_two() -> None:
    domain = {"id": "d1"}
    live = of(
        domains=(CORP,),
        assignments=(
            grant(domain=domain),
            grant(domain=domain, **{"OS-INHERIT:inherited_to": "projects"}),
            grant(system={"all": True}),
        ),
    )
    settings, _ = adopted(live)
    assert [(role.inherited, role.adopt) for role in settings.grants] == [
        (False, "d1///ci-runner-id/member-id"),
        (True, "d1///ci-runner-id/member-id"),
    ]


def test_the_roles_of_an_account_of_the_file_are_left_to_its_entry() -> None:
    declared = {
        "accounts": [{"name": "ci-runner", "domain": "Default", "password": {"generated": 1}}],
    }
    settings, left_out = adopted(
        of(domains=(CORP,), projects=(DEVELOPMENT,), assignments=(grant(),)), declared
    )
    assert not settings.grants
    assert not left_out


def _with_users(*users: User) -> Live:
    """A cloud whose Keystone compares names without case, as its collation does."""

    def named(domain_id: str, name: str) -> tuple[User, ...]:
        return tuple(
            user for user in users if user.domain_id == domain_id and user.name.casefold() == name.casefold()
        )

    return replace(of(domains=(CORP,)), users_named=named)


ROBOT = {"name": "robot", "domain": "corp", "password": {"generated": 1}}


def _accounts_of(live: Live, managed: frozenset[str] = frozenset()) -> list[Entry | MissingId | LeftOut]:
    declared = {**EMPTY, "domains": [{"name": "corp"}], "accounts": [ROBOT]}
    settings = parse(declared, file_name="Pulumi.test.yaml", root=Path.cwd())
    return search(live, Wanted(settings, managed=managed), ("accounts",))


def test_a_declared_account_is_found_in_its_own_domain_and_in_no_other() -> None:
    there = User(id="u1", name="robot", domain_id="d1")
    elsewhere = User(id="u2", name="robot", domain_id="default")
    found = _accounts_of(_with_users(elsewhere, there))
    assert found == [MissingId(("accounts", 0), "account 'robot@corp'", "u1")]
    assert not _accounts_of(_with_users(elsewhere))
    assert not _accounts_of(_with_users(there), managed=frozenset({"u1"}))


def test_an_account_whose_name_only_keystone_takes_for_the_same_is_not_taken_over() -> None:
    (found,) = _accounts_of(_with_users(User(id="u1", name="Robot", domain_id="d1")))
    assert isinstance(found, LeftOut)
    assert "takes 'Robot' (u1) for the same name" in found.reason


def test_a_grant_whose_holder_nobody_can_name_is_left_out_and_the_others_are_found() -> None:
    live = replace(
        of(domains=(CORP,), projects=(DEVELOPMENT,), assignments=(grant(),)), principal=lambda *_: None
    )
    settings, left_out = adopted(live)
    assert [project.name for project in settings.projects] == ["development"]
    (sentence,) = left_out
    assert sentence.startswith("grant of a role on 'development@corp' to user ci-runner-id: Keystone cannot")


def test_what_keystone_would_refuse_to_make_beside_it_stops_a_repair() -> None:
    settings = parse(
        {**EMPTY, "domains": [{"name": "corp"}], "projects": [{"name": "Development", "domain": "corp"}]},
        file_name="Pulumi.t.yaml",
        root=Path(),
    )
    upper = Domain(id="d1", name="CORP", enabled=True)
    (domain,) = search(of(domains=(upper,)), Wanted(settings), ("domains",))
    (project,) = search(of(domains=(CORP,), projects=(DEVELOPMENT,)), Wanted(settings), ("projects",))
    for left in (domain, project):
        assert isinstance(left, LeftOut)
        assert left.declared


def test_a_second_subnet_or_network_of_a_managed_name_is_never_the_declared_one() -> None:
    declared = {
        "name": "vms",
        "segments": [{"physical_network": "physnet1", "vlan": 200}],
        "subnets": [{"name": "vms-v4", "cidr": "10.20.0.0/24"}],
    }
    settings = parse({**EMPTY, "networks": [declared]}, file_name="Pulumi.t.yaml", root=Path())
    second = Subnet(id="s2", name="vms-v4", network_id="n1", cidr="10.21.0.0/24")
    twin = Network(id="n2", name="vms", provider_network_type="vlan")
    for live in (
        of(networks=(VLAN,), subnets=(SUBNET, second)),
        of(networks=(VLAN, twin), subnets=(SUBNET,)),
    ):
        (known,) = search(live, Wanted(settings, managed=frozenset({"n1", "s1"})), ("networks",))
        assert isinstance(known, LeftOut)
        assert not known.declared
        unknown = search(live, Wanted(settings), ("networks",))
        left_out = [item for item in unknown if isinstance(item, LeftOut)]
        assert len(left_out) == 2
        assert all(item.declared for item in left_out)


def test_a_flavor_is_taken_over_with_the_projects_that_the_file_knows() -> None:
    live = of(
        domains=(CORP,),
        projects=(DEVELOPMENT, SERVICE),
        flavors=(FLAVOR, changed(FLAVOR, id="f2", name="odd", rxtx_factor=2.0)),
        flavor_projects=lambda flavor: ("p1", "p0") if flavor.id == "f1" else (),
    )
    settings = parse(
        {**EMPTY, "domains": [{"name": "corp"}], "projects": [{"name": "development", "domain": "corp"}]},
        file_name="Pulumi.test.yaml",
        root=Path(),
    )
    entry, *left_out = sorted(
        search(live, Wanted(settings), ("flavors",)), key=lambda one: isinstance(one, LeftOut)
    )
    assert isinstance(entry, Entry)
    assert (entry.values["adopt"], entry.values["extra_specs"], entry.values["projects"]) == (
        "f1",
        {"hw:cpu_policy": "dedicated"},
        [{"project": "development", "domain": "corp", "adopt": "f1/p1"}],
    )
    assert sorted(map(str, left_out)) == [
        "flavor 'odd': it has an RX/TX factor, which the stack file does not know",
        "flavor 'test.small' for project 'service@Default': the stack file does not know the project",
    ]


def test_a_declared_flavor_that_the_state_has_lost_gets_its_ids() -> None:
    live = of(
        domains=(CORP,), projects=(DEVELOPMENT,), flavors=(FLAVOR,), flavor_projects=lambda _flavor: ("p1",)
    )
    declared = {
        "name": "test.small", "vcpus": 2, "ram_mb": 4096, "disk_gb": 20, "public": False,
        "projects": [{"project": "development", "domain": "corp"}],
    }  # fmt: skip
    settings = parse(
        {
            **EMPTY,
            "domains": [{"name": "corp"}],
            "projects": [{"name": "development", "domain": "corp"}],
            "flavors": [declared],
        },
        file_name="Pulumi.test.yaml",
        root=Path(),
    )
    found = search(live, Wanted(settings), ("flavors",))
    assert [(one.path, one.adopt) for one in found if isinstance(one, MissingId)] == [
        (("flavors", 0), "f1"),
        (("flavors", 0, "projects", 0), "f1/p1"),
    ]


def test_a_flavor_that_goes_while_the_cloud_is_read_has_no_projects() -> None:
    gone: Any = Mock(get_flavor_access=Mock(side_effect=NotFoundException("Flavor f1 could not be found.")))
    assert _projects_of(gone, FLAVOR) == ()


def rule(direction: str = "ingress", family: str = "IPv4", **fields: Any) -> dict[str, Any]:
    nothing = ("protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id")
    return {**dict.fromkeys(nothing), "direction": direction, "ethertype": family, **fields}


ALL_OUT = [rule("egress"), rule("egress", "IPv6")]


def security_group(id_: str, name: str, *rules: dict[str, Any], project: str = "p1") -> SecurityGroup:
    return SecurityGroup(id=id_, name=name, project_id=project, stateful=True, security_group_rules=[*rules])


def groups_of(*groups: SecurityGroup, declared: list[dict[str, Any]] | None = None) -> list[Any]:
    settings = parse(
        {
            **EMPTY,
            "domains": [{"name": "corp"}],
            "projects": [{"name": "development", "domain": "corp"}],
            "security_groups": declared or [],
        },
        file_name="Pulumi.test.yaml",
        root=Path(),
    )
    live = of(domains=(CORP,), projects=(DEVELOPMENT, SERVICE), security_groups=groups)
    return search(live, Wanted(settings), ("security_groups",))


def test_rules_of_a_security_group_are_written_as_a_person_would() -> None:
    ssh: dict[str, Any] = {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    (entry, other) = groups_of(
        security_group(
            "g1",
            "web",
            *ALL_OUT,
            rule(**ssh, remote_group_id="g2"),
            rule(family="IPv6", **ssh, remote_group_id="g2"),
            rule(protocol="17", port_range_min=53, port_range_max=54, remote_group_id="g1"),
            rule(protocol="icmp", port_range_min=8, port_range_max=0),
            rule(protocol="ipv6-icmp", family="IPv6", remote_group_id="g1"),
        ),
        security_group("g2", "db", rule("egress", remote_ip_prefix="10.0.0.5/8")),
        security_group("g3", "default", *ALL_OUT),
    )
    assert entry.values["ingress"] == [
        {"protocol": "icmp", "remote": "0.0.0.0/0", "icmp_type": 8, "icmp_code": 0},
        {"protocol": "tcp", "remote": {"group": "db"}, "ports": "22"},
        {"protocol": "udp", "remote": "same-group", "ethertype": "IPv4", "ports": "53-54"},
        {"protocol": "ipv6-icmp", "remote": "same-group", "icmp_type": None, "icmp_code": None},
    ]
    assert "egress" not in entry.values
    assert other.values["egress"] == [{"protocol": "any", "remote": "10.0.0.0/8"}]
    fit, left_out = fitting(
        {**EMPTY, "domains": [{"name": "corp"}], "projects": [{"name": "development", "domain": "corp"}]},
        [entry, other],
        Path(),
    )
    assert (len(fit), left_out) == (2, [])
    settings = parse(
        {
            **EMPTY,
            "domains": [{"name": "corp"}],
            "projects": [{"name": "development", "domain": "corp"}],
            "security_groups": [one.values for one in fit],
        },
        file_name="Pulumi.test.yaml",
        root=Path(),
    )
    assert len(settings.security_groups[0].rules({"db": "g2"})) == 2 + 5


BY_ID = "a rule of it names security group g3, which is a default one or another project's"


def test_what_the_stack_file_cannot_say_of_a_security_group_is_left_out() -> None:
    found = groups_of(
        security_group("g1", "web", rule(remote_group_id="g3")),
        security_group("g2", "web2", rule(remote_address_group_id="a1")),
        security_group("g3", "default", *ALL_OUT),
        security_group("g4", "twice"),
        security_group("g5", "twice"),
        security_group("g6", "service", project="p0"),
    )
    assert all(isinstance(one, LeftOut) for one in found)
    assert list(map(str, found)) == [
        "security group 'development@corp/web': " + BY_ID,
        "security group 'development@corp/web2': a rule of it names an address group, which the stack file does not know",
        "security group 'development@corp/twice': several security groups of this project have this name; rename it (g4)",
        "security group 'development@corp/twice': several security groups of this project have this name; rename it (g5)",
        "security group 'service@Default/service': the stack file does not know the project",
    ]


def test_a_declared_security_group_gets_its_id_only_by_the_letter() -> None:
    declared = [{"name": "web", "project": "development", "domain": "corp"}]
    (found,) = groups_of(security_group("g1", "web"), declared=declared)
    assert (found.path, found.adopt) == (("security_groups", 0), "g1")
    (other,) = groups_of(security_group("g1", "Web"), declared=declared)
    assert isinstance(other, Entry)


def test_server_groups_are_taken_over_with_their_limit() -> None:
    def placed(id_: str, name: str, project: str = "p1", **rules: int) -> ServerGroup:
        return ServerGroup(id=id_, name=name, project_id=project, policy="anti-affinity", rules=rules)

    settings = parse(
        {
            **EMPTY,
            "domains": [{"name": "corp"}],
            "projects": [{"name": "development", "domain": "corp"}],
            "server_groups": [
                {"name": "known", "project": "development", "domain": "corp", "policy": "affinity"}
            ],
        },
        file_name="Pulumi.test.yaml",
        root=Path(),
    )
    groups = (
        placed("g1", "db", max_server_per_host=3),
        placed("g2", "known"),
        placed("g3", "twice"),
        placed("g4", "twice"),
        placed("g5", "x", "p0"),
    )
    live = of(domains=(CORP,), projects=(DEVELOPMENT, SERVICE), server_groups=groups)
    entry, known, *left_out = search(live, Wanted(settings), ("server_groups",))
    assert isinstance(entry, Entry)
    assert entry.values == {
        "name": "db",
        "adopt": "g1",
        "project": "development",
        "domain": "corp",
        "policy": "anti-affinity",
        "max_server_per_host": 3,
    }
    assert isinstance(known, MissingId)
    assert (known.path, known.adopt) == (("server_groups", 0), "g2")
    assert list(map(str, left_out)) == [
        "server group 'development@corp/twice': several server groups of this project have this name; delete the others of g3",
        "server group 'development@corp/twice': several server groups of this project have this name; delete the others of g4",
        "server group 'service@Default/x': the stack file does not know the project",
    ]
