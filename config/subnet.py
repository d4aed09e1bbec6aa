"""The subnets of a provider network: addresses, DHCP options, and checks of both."""

from ipaddress import IPv4Network, IPv6Network
from itertools import combinations
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, ValidationInfo, WrapSerializer

from config.errors.issues import invalid
from config.fields import (
    Cidr,
    FormerName,
    IpAddr,
    IpAddress,
    IpNet,
    Line,
    Name,
    ServiceType,
    Tag,
    each_once,
    ip_address_or_error,
)
from config.spec import Adoptable, Problems, Spec, checking

MOST_DNS_SERVERS = 5
"""Neutron's default `max_dns_nameservers` of a subnet."""

MOST_HOST_ROUTES = 20
"""Neutron's default `max_subnet_host_routes` of a subnet."""

NO_GATEWAY = "none"
NO_POOLS = "none"

_LONGEST_DHCP_PREFIX = {4: 30, 6: 126}  # Neutron's DHCP needs an address of its own beside the hosts
_LONGEST_GATEWAY_PREFIX = {4: 30, 6: 127}  # neutron/ipam/utils.py: it may be neither first nor last of IPv4's
_EUI64_PREFIX = 64  # RFC 4862: the other half is made from the port's MAC

Ipv6Mode = Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"]


class AllocationPoolSpec(Spec):
    """The addresses from START to END, both included, that ports may get."""

    start: IpAddress = Field(description="the pool's first address")
    end: IpAddress = Field(description="the pool's last address")

    def __contains__(self, address: IpAddr) -> bool:
        """Whether ADDRESS is in the pool; one of the other family is not."""
        return self.start.version == address.version and int(self.start) <= int(address) <= int(self.end)

    def __str__(self) -> str:
        """START-END."""
        return f"{self.start}-{self.end}"


class Ipv6Spec(Spec, replaced="address_mode ra_mode"):
    """How the ports of an IPv6 subnet get their addresses, and who advertises its router.

    Neutron's combinations: both modes the same, or one of them, or none.
    """

    address_mode: Ipv6Mode | None = Field(
        None,
        description="'slaac', 'dhcpv6-stateful' or 'dhcpv6-stateless': how ports get addresses; left out, not from Neutron",
    )
    ra_mode: Ipv6Mode | None = Field(
        None,
        description="the same word, where a router of Neutron's advertises; left out, the fabric's router does",
    )

    @checking("ra_mode")
    def _is_the_address_mode(cls, ra_mode: Ipv6Mode | None, info: ValidationInfo) -> Problems:
        address_mode = info.data.get("address_mode")
        if ra_mode and address_mode and ra_mode != address_mode:
            yield f"ra_mode {ra_mode!r} is not address_mode {address_mode!r}; give both the same, or one of them"

    @property
    def automatic(self) -> str | None:
        """The mode in which ports make their addresses from their MACs, None where they do not."""
        modes = {self.address_mode, self.ra_mode} & {"slaac", "dhcpv6-stateless"}
        return next(iter(modes), None)


class HostRouteSpec(Spec):
    """A route that hosts get beside the default one."""

    destination: Cidr = Field(description="where the route leads to, such as '10.99.0.0/16'")
    next_hop: IpAddress = Field(description="the address in the subnet of the router that leads there")


def usable_range(cidr: IpNet) -> tuple[int, int]:
    """The first and last address that a host of CIDR can have, as numbers."""
    first, last = int(cidr[0]), int(cidr[-1])
    if last - first <= 1:  # a /31 (RFC 3021), /32, /127 or /128 has nothing to spare
        return first, last
    return first + 1, last - 1 if isinstance(cidr, IPv4Network) else last


def on_link(address: IpAddr, cidr: IpNet) -> bool:
    """Whether hosts of CIDR reach ADDRESS without a router: one of theirs, or an IPv6 link-local one."""
    return address in cidr or (address.version == cidr.version == 6 and address.is_link_local)  # noqa: PLR2004 - IPv6


def host_address_problem(what: str, address: IpAddr, cidr: IpNet) -> str | None:
    """What is wrong with ADDRESS, called WHAT, as the address of a host in CIDR; None where nothing is."""
    if address not in cidr:
        return f"{what} {address} is outside {cidr}; give an address inside it"
    first, last = usable_range(cidr)
    if first <= int(address) <= last:
        return None
    kind = "network" if int(address) < first else "broadcast"
    return f"{what} {address} is the {kind} address of {cidr}; give the address of a host"


def _gateway(value: object) -> object:
    return value if value is None or value == NO_GATEWAY else ip_address_or_error(value, ", or 'none'")


def _pools(value: object) -> object:
    """No pools are an empty tuple, and those of a subnet that says nothing are None."""
    if value == NO_POOLS:
        return ()
    if value in ([], ()):
        raise invalid(
            "an empty list says nothing; give 'none' for no pools, or leave it out for all addresses"
        )
    return value


def _pools_as_written(pools: object, dump: SerializerFunctionWrapHandler) -> object:
    return NO_POOLS if pools == () else dump(pools)


class SubnetSpec(Adoptable, nothing="adopt renamed_from", replaced="cidr", renamed="name"):
    """A subnet of a provider network."""

    name: Name = Field(description="the subnet's name, unique in its network")
    renamed_from: FormerName = None
    description: Line = Field("", description="free text")
    cidr: Cidr = Field(description="the subnet's addresses, such as '10.20.0.0/24' or '2001:db8:20::/64'")
    dhcp: bool = Field(
        default=True, validate_default=True, description="true or false: whether Neutron answers DHCP here"
    )
    ipv6: Ipv6Spec | None = Field(
        None, description="{address_mode, ra_mode} of an IPv6 subnet; left out, hosts get addresses elsewhere"
    )
    gateway: Annotated[IpAddr | Literal["none"] | None, BeforeValidator(_gateway)] = Field(
        None,
        validate_default=True,
        description="the gateway's address, or 'none'; left out, the subnet's first address",
    )
    allocation_pools: Annotated[
        tuple[AllocationPoolSpec, ...] | None, BeforeValidator(_pools), WrapSerializer(_pools_as_written)
    ] = Field(
        None,
        description="a list of {start, end}: what ports may get, or 'none', so that each port has to be given its "
        "address; left out, all addresses but the gateway",
    )
    dns: tuple[IpAddress, ...] = Field(
        (),
        description=f"a list of up to {MOST_DNS_SERVERS} DNS servers' addresses, in the order that hosts shall ask them",
    )
    host_routes: tuple[HostRouteSpec, ...] = Field(
        (),
        description=f"a list of up to {MOST_HOST_ROUTES} {{destination, next_hop}}, in any order; several next hops of one "
        "destination share its traffic",
    )
    service_types: Annotated[tuple[ServiceType, ...], each_once("service type")] = Field(
        (),
        description="a list of device owners, such as 'compute:nova': only such ports get its addresses; left out, all",
    )
    tags: Annotated[tuple[Tag, ...], each_once("tag")] = Field(
        (), description="a list of tags; others that it has stay"
    )

    @checking("dhcp")
    def _dhcp_has_room(cls, dhcp: bool, info: ValidationInfo) -> Problems:
        cidr: IpNet | None = info.data.get("cidr")
        if dhcp and cidr is not None and cidr.prefixlen > _LONGEST_DHCP_PREFIX[cidr.version]:
            yield f"{cidr} is too small for Neutron's DHCP; give dhcp: false, or a larger subnet"

    @checking("ipv6")
    def _modes_fit_the_subnet(cls, ipv6: Ipv6Spec | None, info: ValidationInfo) -> Problems:
        cidr: IpNet | None = info.data.get("cidr")
        if ipv6 is None or cidr is None:
            return
        if isinstance(cidr, IPv4Network):
            yield f"{cidr} is IPv4, which has no such modes; drop ipv6"
        elif (ipv6.address_mode or ipv6.ra_mode) and info.data.get("dhcp") is False:
            yield "Neutron takes no address_mode or ra_mode without DHCP; drop ipv6 or dhcp: false"
        elif ipv6.automatic and cidr.prefixlen != _EUI64_PREFIX:
            yield (
                f"{ipv6.automatic!r} needs a /{_EUI64_PREFIX}, and {cidr} is a /{cidr.prefixlen}; "
                f"give a /{_EUI64_PREFIX}, or 'dhcpv6-stateful'"
            )

    @checking("gateway")
    def _gateway_is_a_host_of_the_subnet(
        cls, gateway: IpAddr | Literal["none"] | None, info: ValidationInfo
    ) -> Problems:
        cidr: IpNet | None = info.data.get("cidr")
        if cidr is None or gateway == NO_GATEWAY:
            return
        if cidr.prefixlen > _LONGEST_GATEWAY_PREFIX[cidr.version]:
            yield f"Neutron takes no gateway in a /{cidr.prefixlen}; give gateway: none"
        elif isinstance(gateway, IpAddr) and not on_link(gateway, cidr):
            yield f"gateway {gateway} is outside its subnet {cidr}; give an address inside it, or 'none'"
        elif isinstance(gateway, IpAddr) and gateway in cidr:
            anycast = (
                isinstance(cidr, IPv6Network) and gateway == cidr[0]
            )  # RFC 4291, 2.6.1; Neutron's own choice
            if not anycast and (problem := host_address_problem("gateway", gateway, cidr)):
                yield problem

    @checking("allocation_pools")
    def _pools_are_apart_and_inside(
        cls, pools: tuple[AllocationPoolSpec, ...] | None, info: ValidationInfo
    ) -> Problems:
        cidr: IpNet | None = info.data.get("cidr")
        gateway = info.data.get("gateway")
        ipv6: Ipv6Spec | None = info.data.get("ipv6")
        if pools is not None and ipv6 and ipv6.automatic:
            yield f"ports make their own addresses where the mode is {ipv6.automatic!r}; drop the pools"
            return
        for index, pool in enumerate(pools or ()):
            if pool.start.version != pool.end.version or int(pool.start) > int(pool.end):
                yield (index,), f"pool {pool} starts after it ends; swap start and end"
            elif cidr is not None and not (pool.start in cidr and pool.end in cidr):
                yield (index,), f"pool {pool} is not inside its subnet {cidr}; give addresses inside it"
            elif cidr is not None and cidr.version == 6 and pool.start == cidr[0]:  # noqa: PLR2004 - IPv6
                yield (
                    (index,),
                    f"pool {pool} starts at the routers' anycast address, which Neutron refuses; start later",
                )
            elif isinstance(gateway, IpAddr) and gateway in pool:
                yield (index,), f"pool {pool} holds the gateway {gateway}; leave it out of the pool"
        for (_, one), (index, other) in combinations(enumerate(pools or ()), 2):
            if one.start in other or one.end in other or other.start in one:
                yield (index,), f"pool {other} overlaps pool {one}; keep them apart"

    @checking("dns")
    def _dns_servers_are_few_and_distinct(cls, dns: tuple[IpAddr, ...], info: ValidationInfo) -> Problems:
        cidr: IpNet | None = info.data.get("cidr")
        if len(dns) > MOST_DNS_SERVERS:
            yield (
                f"{len(dns)} DNS servers are more than Neutron takes by default (max_dns_nameservers); "
                f"give at most {MOST_DNS_SERVERS}"
            )
        for index, server in enumerate(dns):
            if server in dns[:index]:
                yield (index,), f"DNS server {server} is given twice; give each once"
            elif cidr is not None and server.version != cidr.version:
                yield (
                    (index,),
                    (
                        f"DNS server {server} is IPv{server.version} in an IPv{cidr.version} subnet, which Neutron "
                        f"refuses; give it in an IPv{server.version} subnet"
                    ),
                )

    @checking("host_routes")
    def _host_routes_lead_through_the_subnet(
        cls, routes: tuple[HostRouteSpec, ...], info: ValidationInfo
    ) -> Problems:
        cidr: IpNet | None = info.data.get("cidr")
        if len(routes) > MOST_HOST_ROUTES:
            yield (
                f"{len(routes)} host routes are more than Neutron takes by default (max_subnet_host_routes); "
                f"give at most {MOST_HOST_ROUTES}"
            )
        for index, route in enumerate(routes):
            if route in routes[:index]:
                yield (
                    (index,),
                    f"the route to {route.destination} by {route.next_hop} is given twice; give it once",
                )
            elif cidr is not None and route.destination.version != cidr.version:
                yield (
                    (index,),
                    (
                        f"destination {route.destination} is IPv{route.destination.version} in an "
                        f"IPv{cidr.version} subnet; give it in an IPv{route.destination.version} subnet"
                    ),
                )
            elif cidr is not None and not on_link(route.next_hop, cidr):
                yield (
                    (index,),
                    f"next hop {route.next_hop} is outside its subnet {cidr}; give the address of a router inside it",
                )

    @property
    def gateway_address(self) -> IpAddr | None:
        """The gateway's address, the subnet's first one where none is given; None for 'none'."""
        if self.gateway is None:
            return self.cidr[min(1, self.cidr.num_addresses - 1)]
        return None if isinstance(self.gateway, str) else self.gateway

    @property
    def pools(self) -> tuple[AllocationPoolSpec, ...]:
        """The allocation pools; where nothing is said, all of them."""
        return self.all_addresses if self.allocation_pools is None else self.allocation_pools

    @property
    def all_addresses(self) -> tuple[AllocationPoolSpec, ...]:
        """Pools of every usable address but the gateway.

        Worked out here, not by Neutron: so a changed gateway changes them too, and preview shows it.
        """
        first, last = usable_range(self.cidr)
        if isinstance(self.cidr, IPv6Network):
            first = max(first, int(self.cidr[0]) + 1)  # neutron/db/ipam_backend_mixin.py; a /128 has none
        address = type(self.cidr[0])
        gateway = self.gateway_address
        hole = int(gateway) if gateway and gateway in self.cidr else last + 1
        ranges = [(first, min(hole - 1, last)), (max(hole + 1, first), last)]
        return tuple(
            AllocationPoolSpec(start=address(start), end=address(end))
            for start, end in ranges
            if start <= end
        )

    @property
    def given_out(self) -> tuple[AllocationPoolSpec, ...]:
        """The pools that Neutron chooses ports' addresses from: none where ports make their own."""
        return () if self.ipv6 and self.ipv6.automatic else self.pools
