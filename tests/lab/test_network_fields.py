"""Every field of a network: preview says what the tables of docs/settings.md say, and an up does it."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import openstack
import pytest
from openstack.connection import Connection

from config.management import ManagementSpec
from config.network import ProjectReference, ProviderNetworkSpec, SegmentSpec
from config.subnet import AllocationPoolSpec, HostRouteSpec, Ipv6Spec, SubnetSpec
from lab.settings import Lab
from tests.lab.field_walk import Case, Entry, Resource, Walk, fields_without_a_case
from tests.lab.own_stack import OwnStack, own_stack

SFX = f"t{secrets.token_hex(3)}"
ZONES = ["rack-1", "rack-2"]
FIRST_VLAN = 600
SPECS = (
    ProviderNetworkSpec,
    SegmentSpec,
    ProjectReference,
    SubnetSpec,
    AllocationPoolSpec,
    Ipv6Spec,
    HostRouteSpec,
    ManagementSpec,
)
ELSEWHERE = {f"{spec}.adopt" for spec in ("ProviderNetworkSpec", "SubnetSpec", "ProjectReference")} | {
    "ProviderNetworkSpec.protected"  # tests/engine/test_policy_pack.py
}


def network_name(field: str) -> str:
    return f"n-{field}-{SFX}"


def network(field: str) -> Resource:
    return "Network", network_name(field)


def subnet(field: str, kind: str = "Subnet") -> Resource:
    return kind, f"{network_name('subnets')}/{field}"


def sharing(field: str, project: str) -> Resource:
    return "RbacPolicyV2", f"{network_name(field)}/{project}"


def of_network(field: str, **keys: object) -> Callable[[Entry], object]:
    """Changes KEYS of the network that the case FIELD has."""
    return lambda config: named(config["networks"], network_name(field)).update(keys)


def of_subnet(field: str, **keys: object) -> Callable[[Entry], object]:
    """Changes KEYS of the subnet that the case FIELD has."""
    return lambda config: named(named(config["networks"], network_name("subnets"))["subnets"], field).update(
        keys
    )


def without(field: str, key: str) -> Callable[[Entry], object]:
    """Takes KEY out of the subnet that the case FIELD has."""
    return lambda config: named(named(config["networks"], network_name("subnets"))["subnets"], field).pop(key)


def of_management(**keys: object) -> Callable[[Entry], object]:
    return lambda config: config["management"].update(keys)


def named(entries: list[Entry], name: str) -> Entry:
    return next(entry for entry in entries if entry["name"] == name)


def project(name: str, domain: str) -> Entry:
    return {"project": f"{name}-{SFX}", "domain": domain}


CORP = f"corp-{SFX}"

CASES = [
    Case(
        ProviderNetworkSpec,
        "name",
        of_network("name", name=f"renamed-{SFX}", renamed_from=network_name("name")),
        ("Network", f"renamed-{SFX}"),
    ),
    Case(
        ProviderNetworkSpec,
        "renamed_from",
        of_network("renamed_from", renamed_from="x"),
        network("renamed_from"),
    ),
    Case(
        ProviderNetworkSpec, "description", of_network("description", description="x"), network("description")
    ),
    Case(ProviderNetworkSpec, "mtu", of_network("mtu", mtu=1400), network("mtu")),
    Case(
        ProviderNetworkSpec,
        "port_security",
        of_network("port_security", port_security=False),
        network("port_security"),
    ),
    *(
        Case(
            ProviderNetworkSpec,
            field,
            of_network(field, **{field: new}),
            ("NetworkAttributes", network_name(field)),
        )
        for field, new in (("dns_domain", f"new-{SFX}.example"), ("qos_policy", f"gold-{SFX}"))
    ),
    Case(ProviderNetworkSpec, "tags", of_network("tags", tags=["blue", "green"]), network("tags")),
    Case(
        ProviderNetworkSpec, "tags", of_network("no_tags", tags=[]), network("no_tags"), variant="taken out"
    ),
    Case(ProviderNetworkSpec, "shared", of_network("shared", shared=True), network("shared")),
    Case(
        ProviderNetworkSpec,
        "availability_hints",
        of_network("availability_hints", availability_hints=[ZONES[1]]),
        network("availability_hints"),
        zone=ZONES[0],
    ),
    Case(
        ProviderNetworkSpec,
        "availability_hints",
        of_network("no_hints", availability_hints=[]),
        network("no_hints"),
        variant="taken out",
        zone=ZONES[0],
    ),
    Case(
        ProviderNetworkSpec,
        "segments",
        of_network(
            "segments", segments=[{"physical_network": "physnet1", "vlan": FIRST_VLAN + n} for n in (30, 31)]
        ),
        network("segments"),
    ),
    Case(
        SegmentSpec,
        "vlan",
        of_network("vlan", segments=[{"physical_network": "physnet1", "vlan": FIRST_VLAN + 32}]),
        network("vlan"),
        follow=(("Subnet", f"{network_name('vlan')}/s"), ("HostRoutes", f"{network_name('vlan')}/s")),
    ),
    Case(
        ProjectReference,
        "project",
        of_network("project", shared_with=[project("beta", CORP)]),
        sharing("project", f"beta-{SFX}@{CORP}"),
        gone=sharing("project", f"alpha-{SFX}@{CORP}"),
    ),
    Case(
        ProjectReference,
        "domain",
        of_network("domain", shared_with=[project("alpha", "Default")]),
        sharing("domain", f"alpha-{SFX}@default"),
        gone=sharing("domain", f"alpha-{SFX}@{CORP}"),
    ),
    Case(SubnetSpec, "name", of_subnet("name", name="new-name", renamed_from="name"), subnet("new-name")),
    Case(SubnetSpec, "renamed_from", of_subnet("renamed_from", renamed_from="x"), subnet("renamed_from")),
    Case(SubnetSpec, "description", of_subnet("description", description="x"), subnet("description")),
    Case(SubnetSpec, "cidr", of_subnet("cidr", cidr="10.94.200.0/24"), subnet("cidr")),
    Case(SubnetSpec, "dhcp", of_subnet("dhcp", dhcp=False), subnet("dhcp")),
    Case(SubnetSpec, "gateway", of_subnet("gateway", gateway="10.94.5.254"), subnet("gateway")),
    Case(
        SubnetSpec, "gateway", of_subnet("no_gateway", gateway="none"), subnet("no_gateway"), variant="none"
    ),
    Case(
        SubnetSpec,
        "gateway",
        without("new_gateway", "gateway"),
        subnet("new_gateway"),
        variant="none no more",
    ),
    *(
        case
        for field, new in (("tags", ["blue", "green"]), ("service_types", ["compute:", "network:dhcp"]))
        for case in (
            Case(SubnetSpec, field, of_subnet(field, **{field: new}), subnet(field)),
            Case(
                SubnetSpec, field, without(f"no_{field}", field), subnet(f"no_{field}"), variant="taken out"
            ),
        )
    ),
    Case(SubnetSpec, "dns", of_subnet("dns", dns=["9.9.9.9", "10.94.250.53"]), subnet("dns")),
    Case(
        AllocationPoolSpec,
        "start",
        of_subnet("start", allocation_pools=[{"start": "10.94.9.20", "end": "10.94.9.99"}]),
        subnet("start"),
    ),
    Case(
        AllocationPoolSpec,
        "end",
        of_subnet("end", allocation_pools=[{"start": "10.94.10.10", "end": "10.94.10.120"}]),
        subnet("end"),
    ),
    Case(
        Ipv6Spec,
        "address_mode",
        of_subnet("address_mode", ipv6={"address_mode": "dhcpv6-stateful"}),
        subnet("address_mode"),
    ),
    Case(Ipv6Spec, "address_mode", without("no_modes", "ipv6"), subnet("no_modes"), variant="taken out"),
    Case(Ipv6Spec, "ra_mode", of_subnet("ra_mode", ipv6={"address_mode": "slaac"}), subnet("ra_mode")),
    Case(
        HostRouteSpec,
        "destination",
        of_subnet("destination", host_routes=[{"destination": "10.97.0.0/16", "next_hop": "10.94.11.2"}]),
        subnet("destination", "HostRoutes"),
    ),
    Case(
        HostRouteSpec,
        "next_hop",
        of_subnet("next_hop", host_routes=[{"destination": "10.96.0.0/16", "next_hop": "10.94.12.3"}]),
        subnet("next_hop", "HostRoutes"),
    ),
    Case(
        HostRouteSpec,
        "next_hop",
        of_subnet(
            "next_hops",
            host_routes=[
                {"destination": "10.96.0.0/16", "next_hop": f"10.94.14.{last}"} for last in (2, 3, 4)
            ],
        ),
        subnet("next_hops", "HostRoutes"),
        variant="one more beside",
    ),
    Case(ManagementSpec, "vlan", of_management(vlan=101)),
    Case(ManagementSpec, "physical_networks", of_management(physical_networks=["physnet1"])),
    Case(ManagementSpec, "cidr", of_management(cidr="10.10.0.0/23")),
    Case(ManagementSpec, "gateway", of_management(gateway="10.10.0.2")),
    Case(ManagementSpec, "addresses", of_management(addresses={"dns-1": "10.10.0.54"})),
]

TAKEN_OUT = ("dns_domain", "qos_policy")
PREVIEWED_ONLY = [  # the lab has one physical network; Neutron refuses a second network in a VLAN, and so on
    Case(
        SegmentSpec,
        "physical_network",
        of_network("description", segments=[{"physical_network": "physnet2", "vlan": FIRST_VLAN + 2}]),
        network("description"),
    ),
    Case(
        ProviderNetworkSpec,
        "name",
        of_network("name", name=f"other-{SFX}"),
        ("Network", f"other-{SFX}"),
        gone=network("name"),
        variant="without renamed_from",
    ),
    Case(
        SubnetSpec,
        "name",
        of_subnet("name", name="other"),
        subnet("other"),
        gone=subnet("name"),
        variant="without renamed_from",
    ),
]
SHOWN_BY_THEIR_PARTS = {
    "ProviderNetworkSpec.subnets",
    "ProviderNetworkSpec.shared_with",
    "SubnetSpec.allocation_pools",
    "SubnetSpec.ipv6",
    "SubnetSpec.host_routes",
}


def declared(zones: set[str]) -> Entry:
    """The stack before any change; networks with hints only where Neutron knows ZONES."""
    networks: list[Entry] = []

    def add(field: str, **keys: object) -> None:
        segment = {"physical_network": "physnet1", "vlan": FIRST_VLAN + len(networks)}
        networks.append({"name": network_name(field), "segments": [segment], **keys})

    add("name")
    add("renamed_from")
    add("description")
    add("mtu", mtu=1450)
    add("port_security")
    add("shared")
    for field, value in (
        ("dns_domain", f"{SFX}.example"),
        ("qos_policy", f"silver-{SFX}"),
        ("tags", ["blue", "red"]),
    ):
        add(field, **{field: value})
        add(f"no_{field}", **{field: value})
    add("segments")
    routes = [{"destination": "10.96.0.0/16", "next_hop": "10.95.0.2"}]
    gateway_and_routes = {"gateway": "10.95.0.1", "host_routes": routes}
    pool = {"start": "10.95.0.10", "end": "10.95.0.99"}
    add(
        "vlan",
        subnets=[{"name": "s", "cidr": "10.95.0.0/24", "allocation_pools": [pool], **gateway_and_routes}],
    )
    add("project", shared_with=[project("alpha", CORP)])
    add("domain", shared_with=[project("alpha", CORP)])
    if set(ZONES) <= zones:
        add("availability_hints", availability_hints=[ZONES[0]])
        add("no_hints", availability_hints=[ZONES[0]])
    add("subnets", subnets=subnets())
    return {
        "openstack": {"cloud": "lab-admin"},
        "management": {
            "vlan": 100,
            "cidr": "10.10.0.0/24",
            "gateway": "10.10.0.1",
            "addresses": {"dns-1": "10.10.0.53"},
        },
        "domains": [{"name": CORP}],
        "projects": [
            {"name": f"alpha-{SFX}", "domain": CORP},
            {"name": f"beta-{SFX}", "domain": CORP},
            {"name": f"alpha-{SFX}", "domain": "Default"},
        ],
        "networks": networks,
    }


def subnets() -> list[Entry]:
    def v4(number: int, name: str, **keys: object) -> Entry:
        pool = {"start": f"10.94.{number}.10", "end": f"10.94.{number}.99"}
        return {"name": name, "cidr": f"10.94.{number}.0/24", "allocation_pools": [pool], **keys}

    def v6(number: int, name: str, **modes: str) -> Entry:
        return {"name": name, "cidr": f"2001:db8:94:{number}::/64", "ipv6": modes}

    return [
        v4(1, "name"),
        v4(2, "renamed_from"),
        v4(3, "description"),
        {"name": "cidr", "cidr": "10.94.4.0/24"},
        {"name": "gateway", "cidr": "10.94.5.0/24"},
        v4(6, "no_gateway"),
        v4(7, "dhcp"),
        v4(8, "dns", dns=["10.94.250.53", "9.9.9.9"]),
        v4(9, "start"),
        v4(10, "end"),
        v4(11, "destination", host_routes=[{"destination": "10.96.0.0/16", "next_hop": "10.94.11.2"}]),
        v4(12, "next_hop", host_routes=[{"destination": "10.96.0.0/16", "next_hop": "10.94.12.2"}]),
        v4(13, "new_gateway", gateway="none"),
        v4(
            14,
            "next_hops",
            host_routes=[{"destination": "10.96.0.0/16", "next_hop": f"10.94.14.{last}"} for last in (2, 3)],
        ),
        v4(15, "tags", tags=["blue", "red"]),
        v4(16, "no_tags", tags=["blue", "red"]),
        v4(17, "service_types", service_types=["compute:nova"]),
        v4(18, "no_service_types", service_types=["compute:nova"]),
        v6(1, "address_mode", address_mode="slaac"),
        v6(2, "no_modes", address_mode="slaac"),
        v6(3, "ra_mode", address_mode="slaac", ra_mode="slaac"),
    ]


def change(stack: OwnStack, config: Entry, cases: list[Case]) -> Walk:
    for case in cases:
        case.change(config)
    stack.declare(config)
    return Walk(stack, stack.planned())


@dataclass(frozen=True)
class Walks:
    """The previews of the changes that cannot be made here, and of those that can."""

    zones: set[str]
    previewed: Walk
    made: Walk


@pytest.fixture(scope="module")
def qos_policies(administrator: Connection) -> Iterator[None]:
    """Two policies that the networks name."""
    made = [administrator.network.create_qos_policy(name=f"{name}-{SFX}") for name in ("silver", "gold")]
    yield
    for policy in made:
        administrator.network.delete_qos_policy(policy)


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory, lab: Lab, qos_policies: None) -> Iterator[Walks]:
    del qos_policies
    zones = zones_of(lab)
    with own_stack(tmp_path_factory.mktemp("networks"), declared(zones)) as stack:
        previewed = change(stack, declared(zones), PREVIEWED_ONLY)
        possible = [case for case in CASES if case.zone is None or case.zone in zones]
        config = declared(zones)
        for field in TAKEN_OUT:
            of_network(f"no_{field}", **{field: None})(config)
        yield Walks(zones, previewed, change(stack, config, possible))


def zones_of(lab: Lab) -> set[str]:
    """The availability zones that Neutron knows."""
    found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
    with Connection(config=found.get_one("lab-admin")) as connection:
        return {zone.name for zone in connection.network.availability_zones()}


def test_every_field_has_a_case() -> None:
    missing = fields_without_a_case(
        [*CASES, *PREVIEWED_ONLY], SPECS, elsewhere=ELSEWHERE | SHOWN_BY_THEIR_PARTS
    )
    assert missing == set()


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in CASES])
def test_preview_shows_the_declared_kind_of_change(walks: Walks, case: Case) -> None:
    if case.zone and case.zone not in walks.zones:
        pytest.skip(f"Neutron has no availability zone {case.zone}")
    walks.made.shows(case)


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in PREVIEWED_ONLY])
def test_preview_shows_the_declared_kind_of_a_change_that_cannot_be_made_here(
    walks: Walks, case: Case
) -> None:
    walks.previewed.shows(case)


def test_nothing_else_is_planned(walks: Walks) -> None:
    assert walks.made.unexplained(CASES) == {
        ("NetworkAttributes", network_name(f"no_{field}")): {"delete"} for field in TAKEN_OUT
    }
    assert walks.previewed.unexplained(PREVIEWED_ONLY) == {}


def test_neutron_takes_every_change_and_the_next_preview_is_empty_beside_what_others_tagged(
    walks: Walks, admin: Connection
) -> None:
    walks.made.stack.up()
    live = {found.name: found for found in admin.network.networks() if found.name.endswith(SFX)}
    gold = admin.network.find_qos_policy(f"gold-{SFX}")
    assert gold is not None
    domain, none = live[network_name("dns_domain")], live[network_name("no_dns_domain")]
    assert (domain.dns_domain, none.dns_domain) == (f"new-{SFX}.example.", "")
    assert live[network_name("qos_policy")].qos_policy_id == gold.id
    assert live[network_name("no_qos_policy")].qos_policy_id is None
    assert (live[network_name("tags")].tags, live[network_name("no_tags")].tags) == (["blue", "green"], [])
    subnets = {
        found.name: found for found in admin.network.subnets(network_id=live[network_name("subnets")].id)
    }
    assert sorted(subnets["service_types"].service_types) == ["compute:", "network:dhcp"]
    assert subnets["no_service_types"].service_types == []
    assert sorted(route["nexthop"] for route in subnets["next_hops"].host_routes) == [
        f"10.94.14.{last}" for last in (2, 3, 4)
    ]
    admin.network.add_tag(live[network_name("tags")], "of-somebody-else")
    walks.made.stack.preview_is_empty("--refresh")


def test_a_qos_policy_that_is_not_there_is_a_sentence(walks: Walks) -> None:
    config = declared(walks.zones)
    of_network("qos_policy", qos_policy=f"GOLD-{SFX}")(config)
    walks.made.stack.declare(config)
    printed = walks.made.stack.program.pulumi("preview", "--stack", "own").stdout
    assert f"answered with 'gold-{SFX}'; write the name as it has it" in printed
