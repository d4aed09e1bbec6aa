"""Provider networks: Neutron networks that are VLANs of the fabric, with their subnets."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from itertools import combinations
from typing import Annotated, ClassVar, Literal

import pulumi
import pulumi_openstack as openstack
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from components.annotated_types import (
    Cidr,
    IpAddr,
    IpAddress,
    IpNet,
    Mtu,
    Name,
    VlanId,
    ip_address_or_refusal,
)
from components.problems import Refusals, refusal
from components.spec import Adoptable, Effect, Spec, adopting, with_alias

MOST_DNS_SERVERS = 5
"""Neutron's default `max_dns_nameservers` of a subnet."""

NO_GATEWAY = "none"


class SegmentSpec(Spec):
    """One VLAN on one physical network."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "physical_network": Effect.REPLACED,
        "vlan": Effect.REPLACED,
    }

    physical_network: Name = Field(description="Neutron's name of the physical network, such as 'physnet1'")
    vlan: VlanId = Field(description="the VLAN ID, a number from 1 to 4094")


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


class ProjectReference(Adoptable):
    """A project that uses a network, and its domain."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "adopt": Effect.NOTHING,
        "project": Effect.REPLACED,
        "domain": Effect.REPLACED,
    }

    project: Name = Field(description="the project's name")
    domain: Name = Field(description="the domain the project is in")
    adopt: str | None = Field(
        None,
        min_length=1,
        description="the id of the RBAC policy that is there already: it is taken over, and protected",
    )

    @property
    def qualified_name(self) -> str:
        """PROJECT@DOMAIN."""
        return f"{self.project}@{self.domain}"


def usable_range(cidr: IpNet) -> tuple[int, int]:
    """The first and last address that a host of CIDR can have, as numbers."""
    first, last = int(cidr[0]), int(cidr[-1])
    if last - first <= 1:  # a /31 (RFC 3021), /32, /127 or /128 has nothing to spare
        return first, last
    return first + 1, last - 1 if isinstance(cidr, IPv4Network) else last


def _gateway(value: object) -> object:
    return value if value is None or value == NO_GATEWAY else ip_address_or_refusal(value, ", or 'none'")


class SubnetSpec(Adoptable):
    """A subnet of a provider network."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "adopt": Effect.NOTHING,
        "name": Effect.RENAMED,
        "renamed_from": Effect.NOTHING,
        "cidr": Effect.REPLACED,
    }

    name: Name = Field(description="the subnet's name, unique in its network")
    renamed_from: Name | None = Field(
        None, description="its former name, so that it is renamed and not made anew"
    )
    cidr: Cidr = Field(description="the subnet's addresses, such as '10.20.0.0/24'")
    gateway: Annotated[IpAddr | Literal["none"] | None, BeforeValidator(_gateway)] = Field(
        None, description="the gateway's address, or 'none'; left out, the subnet's first address"
    )
    allocation_pools: tuple[AllocationPoolSpec, ...] = Field(
        (), description="a list of {start, end}: what ports may get; left out, all addresses but the gateway"
    )
    dhcp: bool = Field(default=True, description="true or false: whether Neutron answers DHCP here")
    dns: tuple[IpAddress, ...] = Field(
        (), description="a list of DNS servers' addresses, in the order that hosts shall ask them"
    )

    @field_validator("gateway")
    @classmethod
    def _gateway_is_a_host_of_the_subnet(
        cls, gateway: IpAddr | Literal["none"] | None, info: ValidationInfo
    ) -> IpAddr | Literal["none"] | None:
        cidr: IpNet | None = info.data.get("cidr")
        if cidr is None or gateway is None or gateway == NO_GATEWAY:
            return gateway
        if gateway not in cidr:
            raise refusal(
                f"gateway {gateway} is outside its subnet {cidr}; give an address inside it, or 'none'"
            )
        first, last = usable_range(cidr)
        if not first <= int(gateway) <= last:
            kind = "network" if int(gateway) < first else "broadcast"
            raise refusal(f"gateway {gateway} is the {kind} address of {cidr}; give the address of a host")
        return gateway

    @field_validator("allocation_pools")
    @classmethod
    def _pools_are_apart_and_inside(
        cls, pools: tuple[AllocationPoolSpec, ...], info: ValidationInfo
    ) -> tuple[AllocationPoolSpec, ...]:
        refused = Refusals()
        cidr: IpNet | None = info.data.get("cidr")
        gateway = info.data.get("gateway")
        for index, pool in enumerate(pools):
            if pool.start.version != pool.end.version or int(pool.start) > int(pool.end):
                refused.add((index,), f"pool {pool} starts after it ends; swap start and end")
            elif cidr is not None and not (pool.start in cidr and pool.end in cidr):
                refused.add(
                    (index,), f"pool {pool} is not inside its subnet {cidr}; give addresses inside it"
                )
            elif isinstance(gateway, IpAddr) and gateway in pool:
                refused.add((index,), f"pool {pool} holds the gateway {gateway}; leave it out of the pool")
        for (_, one), (index, other) in combinations(enumerate(pools), 2):
            if one.start in other or one.end in other or other.start in one:
                refused.add((index,), f"pool {other} overlaps pool {one}; keep them apart")
        refused.raise_if_any()
        return pools

    @field_validator("dns")
    @classmethod
    def _dns_servers_are_few_and_distinct(cls, dns: tuple[IpAddr, ...]) -> tuple[IpAddr, ...]:
        refused = Refusals()
        if len(dns) > MOST_DNS_SERVERS:
            refused.add(
                (),
                f"{len(dns)} DNS servers are more than Neutron takes by default; give at most {MOST_DNS_SERVERS}",
            )
        for index, server in enumerate(dns):
            if server in dns[:index]:
                refused.add((index,), f"DNS server {server} is given twice; give each once")
        refused.raise_if_any()
        return dns

    @property
    def gateway_address(self) -> IpAddr | None:
        """The gateway's address, the subnet's first one where none is given; None for 'none'."""
        if self.gateway is None:
            return self.cidr[min(1, self.cidr.num_addresses - 1)]
        return None if isinstance(self.gateway, str) else self.gateway

    @property
    def pools(self) -> tuple[AllocationPoolSpec, ...]:
        """The allocation pools; where none is given, every usable address but the gateway.

        Worked out here, not by Neutron: so a changed gateway changes them too, and preview shows it.
        """
        if self.allocation_pools:
            return self.allocation_pools
        first, last = usable_range(self.cidr)
        address = type(self.cidr[0])
        hole = int(self.gateway_address) if self.gateway_address else last + 1
        ranges = [(first, min(hole - 1, last)), (max(hole + 1, first), last)]
        return tuple(
            AllocationPoolSpec(start=address(start), end=address(end))
            for start, end in ranges
            if start <= end
        )


class ProviderNetworkSpec(Adoptable):
    """A provider network, its segments and its subnets."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "adopt": Effect.NOTHING,
        "name": Effect.RENAMED,
        "renamed_from": Effect.NOTHING,
        "segments": Effect.REPLACED,
    }

    name: Name = Field(description="the network's name, unique among this program's networks")
    renamed_from: Name | None = Field(
        None, description="its former name, so that it is renamed and not made anew"
    )
    description: str = Field("", description="free text")
    segments: tuple[SegmentSpec, ...] = Field(
        description="a list of {physical_network, vlan}, most often one"
    )
    mtu: Mtu | None = Field(None, description="the MTU in bytes; left out, what Neutron works out")
    shared: bool = Field(default=False, description="true or false: whether every project may use it")
    shared_with: tuple[ProjectReference, ...] = Field(
        (), description="a list of {project, domain}: the projects that may use it"
    )
    subnets: tuple[SubnetSpec, ...] = Field((), description="a list of subnets")

    @field_validator("segments")
    @classmethod
    def _has_a_segment(cls, segments: tuple[SegmentSpec, ...]) -> tuple[SegmentSpec, ...]:
        if not segments:
            raise refusal("a provider network needs a segment; give {physical_network, vlan}")
        return segments

    @field_validator("shared_with")
    @classmethod
    def _shared_in_one_way(
        cls, projects: tuple[ProjectReference, ...], info: ValidationInfo
    ) -> tuple[ProjectReference, ...]:
        refused = Refusals()
        if projects and info.data.get("shared"):
            refused.add((), "the network is shared with everybody already; drop this, or set shared to false")
        for index, project in enumerate(projects):
            if project in projects[:index]:
                refused.add((index,), f"project {project.qualified_name} is given twice; give it once")
        refused.raise_if_any()
        return projects


class ProviderNetwork(pulumi.ComponentResource):
    """A provider network.

    Makes one `openstack.networking.Network` with its segments, one `Subnet` for each of its subnets, and one
    `RbacPolicyV2` (access_as_shared) for each project it is shared with. Neutron cannot move a network to
    another VLAN nor change a subnet's CIDR: those replace, old before new, and Neutron refuses while ports
    are on it.
    """

    network_id: pulumi.Output[str]
    subnet_ids: dict[str, pulumi.Output[str]]
    summary: dict[str, object]
    """What the stack exports: id, vlans, and each subnet's id and cidr."""

    def __init__(
        self,
        name: str,
        spec: ProviderNetworkSpec,
        *,
        project_ids: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "private-cloud:network:ProviderNetwork", name, None, with_alias(opts, spec.renamed_from)
        )
        child_opts = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        network = openstack.networking.Network(
            name,
            name=spec.name,
            description=spec.description,
            admin_state_up=True,
            segments=[
                openstack.networking.NetworkSegmentArgs(
                    physical_network=segment.physical_network,
                    network_type="vlan",
                    segmentation_id=segment.vlan,
                )
                for segment in spec.segments
            ],
            mtu=spec.mtu,
            shared=spec.shared,
            opts=adopting(
                pulumi.ResourceOptions.merge(
                    child_opts, pulumi.ResourceOptions(replace_on_changes=["segments"])
                ),
                spec,
            ),
        )
        self.network_id = network.id
        self.subnet_ids = {subnet.name: self._subnet(name, subnet, child_opts).id for subnet in spec.subnets}
        self.summary = {
            "id": self.network_id,
            "vlans": [segment.vlan for segment in spec.segments],
            "subnets": {
                subnet.name: {"id": self.subnet_ids[subnet.name], "cidr": str(subnet.cidr)}
                for subnet in spec.subnets
            },
        }
        for project in spec.shared_with:
            openstack.networking.RbacPolicyV2(
                f"{name}/{project.qualified_name}",
                action="access_as_shared",
                object_type="network",
                object_id=network.id,
                target_tenant=project_ids[project.qualified_name],
                opts=adopting(child_opts, project),
            )
        self.register_outputs({"network_id": self.network_id, "subnet_ids": self.subnet_ids})

    def _subnet(
        self, network_name: str, spec: SubnetSpec, child_opts: pulumi.ResourceOptions
    ) -> openstack.networking.Subnet:
        gateway = spec.gateway_address
        former = spec.renamed_from and f"{network_name}/{spec.renamed_from}"
        return openstack.networking.Subnet(
            f"{network_name}/{spec.name}",
            name=spec.name,
            network_id=self.network_id,
            cidr=str(spec.cidr),
            ip_version=spec.cidr.version,
            gateway_ip=str(gateway) if gateway else None,
            no_gateway=None if gateway else True,
            enable_dhcp=spec.dhcp,
            dns_nameservers=[str(server) for server in spec.dns],
            allocation_pools=[
                openstack.networking.SubnetAllocationPoolArgs(start=str(pool.start), end=str(pool.end))
                for pool in spec.pools
            ],
            opts=adopting(with_alias(child_opts, former), spec),
        )
