"""Provider networks of a running cloud, their subnets and whom they are shared with, as stack-file entries."""

from collections.abc import Iterator
from typing import Any

from openstack.network.v2.network import Network
from openstack.network.v2.subnet import Subnet
from pydantic import ValidationError

from config.subnet import NO_GATEWAY, NO_POOLS, SubnetSpec
from operations.adopt import project_access
from operations.adopt.found import Found, LeftOut, Wanted, known_projects
from operations.adopt.live import Live
from operations.stack_file.entry import Entry, MissingId

NEUTRONS_MTU = 1500
"""What Neutron works out for a VLAN where its own `global_physnet_mtu` is as it comes."""

_EVERYBODY = "*"

_UNSAID_OF_A_NETWORK = {
    "is_router_external": "it is external",
    "is_vlan_transparent": "it is VLAN transparent",
}
_UNSAID_OF_A_SUBNET = {
    "subnet_pool_id": "it is from a subnet pool",
    "segment_id": "it is on one segment only",
    "dns_publish_fixed_ip": "its fixed addresses are published in DNS",
}


def networks(live: Live, wanted: Wanted, entries: list[Entry]) -> Iterator[Found]:
    """The VLAN provider networks; shares only with projects that the stack file knows, ENTRIES added."""
    declared = {spec.name: index for index, spec in enumerate(wanted.settings.networks)}
    known = known_projects(wanted.settings, entries)
    names = [network.name for network in live.networks]
    managed = {network.name for network in live.networks if network.id in wanted.managed}
    for network in live.networks:
        title = f"network {network.name!r}"
        if not wanted.named(network.name):
            continue
        if network.name in declared and names.count(network.name) == 1:
            yield from _missing_ids(network, declared[network.name], live, wanted)
        elif network.id in wanted.managed:
            continue
        elif names.count(network.name) > 1:
            yield LeftOut(
                title,
                f"several networks have this name; rename it ({network.id})",
                declared=network.name in declared and network.name not in managed,
            )
        elif reason := _what_the_stack_file_cannot_say(network, live):
            yield LeftOut(title, reason)
        else:
            yield from _network(network, live, known)


def _missing_ids(network: Network, index: int, live: Live, wanted: Wanted) -> Iterator[Found]:
    spec = wanted.settings.networks[index]
    title = f"network {network.name!r}"
    if network.id not in wanted.managed:
        yield MissingId(("networks", index), title, network.id)
    by_name = {subnet.name: number for number, subnet in enumerate(spec.subnets)}
    subnets = _subnets_of(network, live)
    names = [subnet.name for subnet in subnets]
    managed = {subnet.name for subnet in subnets if subnet.id in wanted.managed}
    for subnet in subnets:
        if subnet.id in wanted.managed:
            continue
        inner = f"subnet {subnet.name!r} of {title}"
        if subnet.name in by_name and names.count(subnet.name) > 1:
            yield LeftOut(
                inner,
                f"several subnets of this network have this name; rename it ({subnet.id})",
                declared=subnet.name not in managed,
            )
        elif subnet.name in by_name:
            yield MissingId(("networks", index, "subnets", by_name[subnet.name]), inner, subnet.id)
        else:
            yield LeftOut(inner, f"its network is declared already; declare it there with adopt: {subnet.id}")
    yield from project_access.missing_ids(
        _shares_of(network, live),
        spec.shared_with,
        ("networks", index, "shared_with"),
        wanted,
        kind="network",
        titled=lambda project: f"share of {title} with project {project!r}",
    )


def _network(network: Network, live: Live, known: set[str]) -> Iterator[Found]:
    title = f"network {network.name!r}"
    subnets = []
    for subnet in _subnets_of(network, live):
        if reason := _unsaid(subnet, _UNSAID_OF_A_SUBNET):
            yield LeftOut(f"subnet {subnet.name!r} of {title}", reason)
        else:
            subnets.append(_subnet(subnet))
    shared_with, left_out = project_access.entries(
        _shares_of(network, live), known, lambda project: f"share of {title} with project {project!r}"
    )
    yield from left_out
    values = {
        "name": network.name,
        "adopt": network.id,
        "description": network.description or "",
        "segments": [
            {"physical_network": physical_network, "vlan": vlan}
            for _, physical_network, vlan in _segments(network)
        ],
        "port_security": network.is_port_security_enabled is not False,
        "availability_hints": list(network.availability_zone_hints or ()),
        "tags": sorted(network.tags or ()),
        "shared": bool(network.is_shared),
        "shared_with": shared_with,
        "subnets": subnets,
    }
    if network.dns_domain:
        values["dns_domain"] = network.dns_domain
    if network.qos_policy_id:
        values["qos_policy"] = live.qos_policies[network.qos_policy_id]
    if network.mtu != NEUTRONS_MTU:
        values["mtu"] = network.mtu
    yield Entry("networks", title, values)


def _subnet(subnet: Subnet) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": subnet.name,
        "adopt": subnet.id,
        "description": subnet.description or "",
        "cidr": subnet.cidr,
        "dhcp": bool(subnet.is_dhcp_enabled),
        "dns": list(subnet.dns_nameservers or ()),
        "host_routes": [
            {"destination": route["destination"], "next_hop": route["nexthop"]}
            for route in subnet.host_routes or ()
        ],
        "service_types": sorted(subnet.service_types or ()),
        "tags": sorted(subnet.tags or ()),
    }
    modes = {"address_mode": subnet.ipv6_address_mode, "ra_mode": subnet.ipv6_ra_mode}
    if any(modes.values()):
        values["ipv6"] = {key: mode for key, mode in modes.items() if mode}
    try:
        plain = SubnetSpec.model_validate({**values, "dns": [], "host_routes": []})
        if subnet.gateway_ip != str(plain.gateway_address):
            values["gateway"] = subnet.gateway_ip or NO_GATEWAY
            plain = SubnetSpec.model_validate({**values, "dns": [], "host_routes": []})
        usual = {(str(pool.start), str(pool.end)) for pool in plain.pools}
    except ValidationError:
        usual = set()  # told when the whole stack file is checked
    pools = [(pool["start"], pool["end"]) for pool in subnet.allocation_pools or ()]
    if set(pools) != usual:
        values["allocation_pools"] = [{"start": start, "end": end} for start, end in pools] or NO_POOLS
    return values


def _subnets_of(network: Network, live: Live) -> list[Subnet]:
    return [subnet for subnet in live.subnets if subnet.network_id == network.id]


def _shares_of(network: Network, live: Live) -> Iterator[tuple[str, str]]:
    """PROJECT@DOMAIN and the policy's id for each project that NETWORK is shared with."""
    for policy in live.shares:
        target = policy.target_project_id
        if policy.object_id == network.id and policy.action == "access_as_shared" and target != _EVERYBODY:
            yield live.project_name(target), policy.id


def _segments(network: Network) -> list[tuple[str, str | None, int | None]]:
    """Kind, physical network and VLAN of each segment."""
    if network.segments:
        return [
            (
                segment["provider:network_type"],
                segment.get("provider:physical_network"),
                segment.get("provider:segmentation_id"),
            )
            for segment in network.segments
        ]
    return [
        (
            network.provider_network_type,
            network.provider_physical_network,
            network.provider_segmentation_id,
        )
    ]


def _what_the_stack_file_cannot_say(network: Network, live: Live) -> str:
    other = sorted({kind for kind, _, _ in _segments(network)} - {"vlan"})
    if other:
        return f"it is {'/'.join(other)}, and the stack file knows VLANs only"
    if not network.is_admin_state_up:
        return "it is down for its administrator, and the stack file would put it up"
    if network.qos_policy_id and network.qos_policy_id not in live.qos_policies:
        return "its QoS policy has a name that others have too"
    return _unsaid(network, _UNSAID_OF_A_NETWORK)


def _unsaid(live: Network | Subnet, attributes: dict[str, str]) -> str:
    """Why the stack file cannot say LIVE, "" where it can."""
    settings = [sentence for attribute, sentence in attributes.items() if getattr(live, attribute, None)]
    return f"{' and '.join(settings)}, which the stack file does not know" if settings else ""
