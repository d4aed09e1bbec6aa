"""Rules of networks: VLANs and addresses across layers, name servers, and who may use them."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from itertools import combinations

from clients.enumeration import enumerated
from config.fields import IpNet
from config.resource_types import HOST, NETWORK, SUBNET
from policy.declared import UNKNOWN, Declared
from policy.rule import Facts, Finding, ResourceRule, StackRule

FEWEST_SERVERS = 2
NEEDS_THE_TRUNK = {"compute", "network"}
"""The roles of hosts on which ports of virtual machines or of routers are."""


def _segments(resources: Sequence[Declared]) -> Iterator[tuple[Declared, str, int]]:
    """Every VLAN of a network: the network, the physical network, the VLAN's ID."""
    for network in resources:
        if network.type != NETWORK:
            continue
        for segment in network.entries("segments"):
            vlan, physical = segment.get("segmentationId"), segment.get("physicalNetwork")
            if segment.get("networkType") == "vlan" and UNKNOWN not in {vlan, physical} and vlan:
                yield network, str(physical), int(vlan)  # numbers come as floats


def _vlan_used_twice(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    management = facts.settings.management if facts.settings else None
    owners: dict[tuple[str, int], Declared] = {}
    for network, physical, vlan in _segments(resources):
        first = owners.setdefault((physical, vlan), network)
        if management and management.is_on(physical, vlan):
            yield Finding.of(network, f"VLAN {vlan} on {physical} is the management VLAN")
        elif first is not network:
            yield Finding.of(network, f"VLAN {vlan} on {physical} is that of network {first.name!r} already")


def _vlan_off_the_trunk(resources: Sequence[Declared], _facts: Facts) -> Iterator[Finding]:
    hosts = [
        host
        for host in resources
        if host.type == HOST and NEEDS_THE_TRUNK & set(host.entries("roles")) and not host.is_unknown("vlans")
    ]
    for network, physical, vlan in _segments(resources):
        missing = [
            host.text("name", host.name) for host in hosts if vlan not in map(int, host.entries("vlans"))
        ]
        if missing:
            yield Finding.of(
                network,
                f"VLAN {vlan} on {physical} is not on the trunk of {enumerated(missing[:3], len(missing))}, where its virtual machines, "
                "routers or DHCP agents may be",
            )


def _overlapping(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    known: list[tuple[Declared, IpNet]] = [
        (subnet, ip_network(subnet.text("cidr"), strict=False))
        for subnet in resources
        if subnet.type == SUBNET and subnet.text("cidr")
    ]
    management = facts.settings.management if facts.settings else None
    for subnet, cidr in known:
        if management and _overlap(management.cidr, cidr):
            yield Finding.of(subnet, f"{cidr} overlaps {management.cidr} of the management VLAN")
    for (former, one), (subnet, other) in combinations(known, 2):
        if _overlap(one, other):
            yield Finding.of(subnet, f"{other} overlaps {one} of subnet {former.name!r}")


def _overlap(one: IpNet, other: IpNet) -> bool:
    return one.version == other.version and one.overlaps(other)


def _announces_dns(subnet: Declared) -> bool:
    """Whether Neutron answers DHCP or advertises there; where it does neither, nobody hears of DNS servers."""
    advertised_by_others = bool(subnet.text("ipv6AddressMode")) and not subnet.text("ipv6RaMode")
    return subnet.props.get("enableDhcp", True) is True and not (
        advertised_by_others and subnet.text("ipv6AddressMode") == "slaac"
    )


def _few_dns_servers(subnet: Declared, _facts: Facts) -> Iterator[str]:
    servers = subnet.props.get("dnsNameservers") or []
    if _announces_dns(subnet) and servers is not UNKNOWN and len(set(servers)) < FEWEST_SERVERS:
        has = f"only the DNS server {servers[0]}" if servers else "no DNS server"
        yield f"it has {has}"


def _foreign_dns_servers(subnet: Declared, facts: Facts) -> Iterator[str]:
    ours = set(facts.policy.dns_servers)
    for server in subnet.entries("dnsNameservers"):
        if ours and ip_address(server) not in ours:
            yield f"DNS server {server} is none of the company's"


def _for_everyone(network: Declared, _facts: Facts) -> Iterator[str]:
    if network.is_true("shared"):
        yield "it is shared with every project of the cloud"


RULES = (
    StackRule(
        name="vlan-used-once",
        asks="A VLAN is one network's.",
        reason="Two networks on one VLAN are one: their DHCP servers answer each other's machines.",
        remedy="Give each network a VLAN of its own.",
        check=_vlan_used_twice,
    ),
    StackRule(
        name="vlan-on-the-trunk",
        asks="A network's VLAN is on the trunk of every host that runs its machines, routers or DHCP.",
        reason="On a host without it, instances start and reach nobody.",
        remedy="Add the VLAN to the `vlans` of these hosts, and to their switch ports.",
        check=_vlan_off_the_trunk,
    ),
    StackRule(
        name="subnets-apart",
        asks="No subnet overlaps another one or the management VLAN.",
        reason="Whoever has an address in both can reach only one of the two.",
        remedy="Give it a `cidr` of its own.",
        check=_overlapping,
    ),
    ResourceRule(
        name="two-dns-servers",
        asks="A subnet in which Neutron tells machines of DNS servers has two or more.",
        reason="With one, its maintenance stops every machine; with none, Neutron's own DHCP host is asked.",
        remedy="Give its `dns` two servers or more.",
        types=frozenset({SUBNET}),
        check=_few_dns_servers,
    ),
    ResourceRule(
        name="dns-of-the-company",
        asks="DNS servers are the company's, where policy.dns_servers names those.",
        reason="Others do not know the company's names, and learn which are asked for.",
        remedy="Give one of policy.dns_servers, or add it there.",
        types=frozenset({SUBNET}),
        check=_foreign_dns_servers,
    ),
    ResourceRule(
        name="network-not-for-everyone",
        asks="A provider network is shared with the projects that need it.",
        reason="On one that is for everyone, each new project stands on the company's VLAN without anybody deciding it.",
        remedy="List the projects under `shared_with`, and drop `shared`.",
        level="advisory",
        types=frozenset({NETWORK}),
        check=_for_everyone,
    ),
)
