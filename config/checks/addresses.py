"""The VLANs and addresses of a whole stack file, which nothing may use twice."""

import functools
from collections.abc import Callable, Iterator

from config.errors.issues import KeyPath, ValidationIssue
from config.fields import IpAddr, IpNet
from config.settings import Settings
from config.subnet import SubnetSpec


def address_plan_problems(settings: Settings, sound: Callable[[KeyPath], bool]) -> Iterator[ValidationIssue]:
    """VLANs, CIDRs and host addresses that two things of SETTINGS claim; pools only of those SOUND is true of."""
    yield from _vlans_used_twice(settings)
    overlapping = list(_overlapping_cidrs(settings))
    yield from overlapping
    if not overlapping:  # where subnets overlap, so do their pools with the other's servers
        yield from _addresses_that_ports_may_get(settings, sound)


def _vlans_used_twice(settings: Settings) -> Iterator[ValidationIssue]:
    seen: dict[tuple[str, int], str] = {}
    for index, network in enumerate(settings.networks):
        for number, segment in enumerate(network.segments):
            where: KeyPath = ("networks", index, "segments", number, "vlan")
            key = (segment.physical_network, segment.vlan)
            if settings.management and settings.management.is_on(*key):
                yield ValidationIssue(where, f"VLAN {segment.vlan} is the management VLAN; give each its own")
            elif key in seen:
                yield ValidationIssue(
                    where,
                    f"VLAN {segment.vlan} on {segment.physical_network} is used already by network {seen[key]!r}; "
                    "give each its own",
                )
            seen.setdefault(key, network.name)


def _overlapping_cidrs(settings: Settings) -> Iterator[ValidationIssue]:
    seen: list[tuple[IpNet, str]] = []
    if settings.management:
        seen.append((settings.management.cidr, "the management VLAN"))
    for where, owner, subnet in _subnets(settings):
        for cidr, other in seen:
            if cidr.version == subnet.cidr.version and cidr.overlaps(subnet.cidr):
                yield ValidationIssue(
                    (*where, "cidr"),
                    f"{subnet.cidr} overlaps {cidr} of {other}; give addresses of its own",
                )
        seen.append((subnet.cidr, owner))


def _addresses_that_ports_may_get(
    settings: Settings, sound: Callable[[KeyPath], bool]
) -> Iterator[ValidationIssue]:
    """DNS servers and next hops that stand in a pool: a port could get their address."""
    # Of a subnet with a mistake in its gateway or pools it is not known what ports may get.
    pools = [
        (pool, owner)
        for where, owner, subnet in _subnets(settings)
        if all(sound((*where, key)) for key in ("cidr", "gateway", "allocation_pools", "ipv6"))
        for pool in subnet.given_out
    ]

    @functools.cache  # most subnets have the same few servers
    def around(address: IpAddr) -> list[tuple[object, str]]:
        return [(pool, owner) for pool, owner in pools if address in pool]

    for where, _, subnet in _subnets(settings):
        fixed: list[tuple[KeyPath, str, IpAddr]] = [
            (("dns", number), "DNS server", server) for number, server in enumerate(subnet.dns)
        ]
        fixed += [
            (("host_routes", number, "next_hop"), "next hop", route.next_hop)
            for number, route in enumerate(subnet.host_routes)
        ]
        for key, what, address in fixed:
            for pool, owner in around(address):
                yield ValidationIssue(
                    (*where, *key),
                    f"{what} {address} is in pool {pool} of {owner}, so that a port may get it; "
                    "give that subnet allocation_pools without it",
                )


def _subnets(settings: Settings) -> Iterator[tuple[KeyPath, str, SubnetSpec]]:
    """Every subnet: where it stands, what it is called in a sentence, and itself."""
    for index, network in enumerate(settings.networks):
        for number, subnet in enumerate(network.subnets):
            owner = f"subnet {subnet.name!r} of network {network.name!r}"
            yield ("networks", index, "subnets", number), owner, subnet
