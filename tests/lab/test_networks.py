"""What networks are in Neutron: IPv6, routes, sharing, and everything else that a stack file says of them."""

import secrets
from collections.abc import Iterator
from typing import Any

import openstack
import pytest

from tests.lab.own_stack import Config, OwnStack, own_stack

SFX = f"t{secrets.token_hex(3)}"
CORP, NET, CLOSED = f"corp-{SFX}", f"vms-{SFX}", f"closed-{SFX}"
ROUTES = [
    {"destination": "10.97.0.0/16", "next_hop": "10.96.0.2"},
    {"destination": "10.98.0.0/16", "next_hop": "10.96.0.3"},
]
DNS = ["10.96.0.53", "9.9.9.9", "10.10.0.54", "10.10.0.53", "1.1.1.1"]


def declared() -> Config:
    pool = {"start": "10.96.0.100", "end": "10.96.0.199"}
    shared_with = [{"project": name, "domain": CORP} for name in ("alpha", "beta")]
    v4 = {"name": "v4", "cidr": "10.96.0.0/24", "allocation_pools": [pool], "dns": DNS, "host_routes": ROUTES}
    slaac = {
        "name": "v6",
        "description": "The fabric's router advertises",
        "cidr": "2001:db8:96::/64",
        "gateway": "fe80::1",
        "ipv6": {"address_mode": "slaac"},
        "dns": ["2001:db8:96::53"],
    }
    closed = {
        "name": "closed",
        "cidr": "10.99.0.0/24",
        "gateway": "none",
        "dhcp": False,
        "allocation_pools": "none",
    }
    return {
        "openstack": {"cloud": "lab-admin"},
        "domains": [{"name": CORP}],
        "projects": [{"name": name, "domain": CORP} for name in ("alpha", "beta", "gamma")],
        "grants": [
            {
                "role": "member",
                "user": {"name": "ci-runner", "domain": "Default"},
                "scope": {"project": name, "domain": CORP},
            }
            for name in ("alpha", "beta", "gamma")
        ],
        "networks": [
            {
                "name": NET,
                "segments": [{"physical_network": "physnet1", "vlan": 980}],
                "mtu": 1400,
                "shared_with": shared_with,
                "subnets": [v4, slaac],
            },
            {
                "name": CLOSED,
                "segments": [{"physical_network": "physnet1", "vlan": 981}],
                "port_security": False,
                "subnets": [closed],
            },
        ],
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    with own_stack(tmp_path_factory.mktemp("networks"), declared()) as up:
        yield up


def network(stack: OwnStack, name: str) -> Any:
    return stack.admin.network.find_network(name, ignore_missing=False)


def subnet(stack: OwnStack, name: str, of: str = NET) -> Any:
    found = stack.admin.network.find_subnet(name, network_id=network(stack, of).id, ignore_missing=False)
    return stack.admin.network.get_subnet(found.id)


def routes(stack: OwnStack) -> set[tuple[str, str]]:
    return {(route["destination"], route["nexthop"]) for route in subnet(stack, "v4").host_routes}


def test_a_preview_with_refresh_is_empty(stack: OwnStack) -> None:
    stack.preview_is_empty("--refresh")


def test_a_port_gets_an_address_of_the_ipv4_pool_and_a_slaac_one_beside_it(stack: OwnStack) -> None:
    live = subnet(stack, "v6")
    assert (live.ip_version, live.ipv6_address_mode, live.ipv6_ra_mode) == (6, "slaac", None)
    assert (live.gateway_ip, live.description) == ("fe80::1", "The fabric's router advertises")
    port = stack.admin.network.create_port(network_id=network(stack, NET).id, mac_address="fa:16:3e:12:34:56")
    try:
        addresses = sorted(fixed["ip_address"] for fixed in port.fixed_ips)
    finally:
        stack.admin.network.delete_port(port)
    assert addresses[1] == "2001:db8:96:0:f816:3eff:fe12:3456"  # EUI-64 of the MAC, RFC 4291
    assert 100 <= int(addresses[0].removeprefix("10.96.0.")) <= 199


def test_a_network_carries_the_mtu_that_was_declared(stack: OwnStack) -> None:
    assert network(stack, NET).mtu == 1400


def test_ports_are_guarded_unless_port_security_is_off(stack: OwnStack) -> None:
    guarded = {name: network(stack, name).is_port_security_enabled for name in (NET, CLOSED)}
    assert guarded == {NET: True, CLOSED: False}
    address = {"ip_address": "10.99.0.7"}
    port = stack.admin.network.create_port(network_id=network(stack, CLOSED).id, fixed_ips=[address])
    stack.admin.network.delete_port(port)
    assert (port.is_port_security_enabled, port.security_group_ids) == (False, [])


def test_a_subnet_may_have_neither_gateway_nor_dhcp_nor_pools(stack: OwnStack) -> None:
    live = subnet(stack, "closed", CLOSED)
    assert (live.gateway_ip, live.is_dhcp_enabled, live.allocation_pools) == (None, False, [])


@pytest.mark.usefixtures("stack")
def test_only_the_projects_that_are_named_see_a_network() -> None:
    def seen(project: str) -> list[str]:
        auth = {"project_name": project, "project_domain_name": CORP}
        with openstack.connect(cloud="lab-ci-runner", auth=auth) as runner:
            return [found.name for found in runner.network.networks() if found.name.endswith(SFX)]

    assert {name: seen(name) for name in ("alpha", "beta", "gamma")} == {
        "alpha": [NET],
        "beta": [NET],
        "gamma": [],
    }


def test_dns_servers_keep_their_order_when_it_changes(stack: OwnStack) -> None:
    assert subnet(stack, "v4").dns_nameservers == DNS
    config = declared()
    other = [*DNS[2:], *DNS[:2]]
    config["networks"][0]["subnets"][0]["dns"] = other
    stack.declare(config)
    stack.up()
    assert subnet(stack, "v4").dns_nameservers == other


def test_host_routes_are_those_that_were_declared_in_any_order(stack: OwnStack) -> None:
    assert routes(stack) == {("10.97.0.0/16", "10.96.0.2"), ("10.98.0.0/16", "10.96.0.3")}
    config = declared()
    config["networks"][0]["subnets"][0]["host_routes"].reverse()
    stack.declare(config)
    assert not [name for kind, name in stack.planned() if kind == "HostRoutes"]


def test_a_host_route_changed_by_hand_is_found_and_put_right(stack: OwnStack) -> None:
    stray = {"destination": "10.200.0.0/16", "nexthop": "10.96.0.9"}
    stack.admin.network.update_subnet(subnet(stack, "v4").id, host_routes=[stray])
    drifted = stack.program.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", "own")
    assert drifted.returncode != 0
    assert "HostRoutes" in drifted.stdout
    stack.up("--refresh")
    assert routes(stack) == {("10.97.0.0/16", "10.96.0.2"), ("10.98.0.0/16", "10.96.0.3")}


def test_host_routes_taken_out_are_gone(stack: OwnStack) -> None:
    config = declared()
    del config["networks"][0]["subnets"][0]["host_routes"]
    stack.declare(config)
    stack.up()
    assert routes(stack) == set()
    stack.preview_is_empty("--refresh")


@pytest.mark.parametrize(
    "pools", [pytest.param(None, marks=pytest.mark.nightly), [{"start": "10.99.0.20", "end": "10.99.0.29"}]]
)
def test_pools_taken_away_and_given_back_are_as_declared(stack: OwnStack, pools: Config | None) -> None:
    config = declared()
    closed = config["networks"][1]["subnets"][0]
    del closed["allocation_pools"]
    if pools:
        closed["allocation_pools"] = pools
    stack.declare(config)
    stack.up()
    every = [{"start": "10.99.0.1", "end": "10.99.0.254"}]
    assert subnet(stack, "closed", CLOSED).allocation_pools == (pools or every)
    stack.preview_is_empty("--refresh")
    stack.declare(declared())
    stack.up()
    assert subnet(stack, "closed", CLOSED).allocation_pools == []
    stack.preview_is_empty("--refresh")


@pytest.mark.nightly
def test_pools_given_by_hand_are_found_and_taken_away(stack: OwnStack) -> None:
    by_hand = [{"start": "10.99.0.20", "end": "10.99.0.29"}]
    stack.admin.network.update_subnet(subnet(stack, "closed", CLOSED).id, allocation_pools=by_hand)
    stack.up("--refresh")
    assert subnet(stack, "closed", CLOSED).allocation_pools == []
