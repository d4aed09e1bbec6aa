"""Provider networks: Neutron networks that are VLANs of the fabric, with their subnets."""

import json
from collections.abc import Mapping
from typing import ClassVar

import pulumi
import pulumi_openstack as openstack
from pydantic import Field, ValidationInfo, field_validator

from components.annotated_types import Line, Mtu, Name, PhysicalNetworkName, VlanId
from components.ids import Ids
from components.problems import Refusals, refusal
from components.resource_names import child_name, known_as, resource_name
from components.spec import Adoptable, Effect, Protectable, Spec, adopting, protecting
from components.subnet import SubnetSpec
from dynamic_providers.host_routes import HostRoute, HostRoutes
from dynamic_providers.no_allocation_pools import NoAllocationPools, Pool

MOST_HINTS = 255
"""neutron_lib.db.constants.AZ_HINTS_DB_LEN."""

IPV6_LEAST_MTU = 1280
"""RFC 8200: what every IPv6 link carries."""


class SegmentSpec(Spec):
    """One VLAN on one physical network."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "physical_network": Effect.REPLACED,
        "vlan": Effect.REPLACED,
    }

    physical_network: PhysicalNetworkName = Field(
        description="Neutron's name of the physical network, such as 'physnet1'"
    )
    vlan: VlanId = Field(description="the VLAN ID, a number from 1 to 4094")


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


class ProviderNetworkSpec(Protectable):
    """A provider network, its segments and its subnets."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "adopt": Effect.NOTHING,
        "protected": Effect.NOTHING,
        "name": Effect.RENAMED,
        "renamed_from": Effect.NOTHING,
        "segments": Effect.REPLACED,
        "availability_hints": Effect.REPLACED,
    }

    name: Name = Field(description="the network's name, unique among this program's networks")
    renamed_from: Name | None = Field(
        None, description="its former name, so that it is renamed and not made anew"
    )
    description: Line = Field("", description="free text")
    segments: tuple[SegmentSpec, ...] = Field(
        description="a list of {physical_network, vlan}, most often one"
    )
    mtu: Mtu | None = Field(None, description="the MTU in bytes; left out, what Neutron works out")
    port_security: bool = Field(
        default=True, description="true or false: whether new ports are guarded by security groups"
    )
    availability_hints: tuple[Name, ...] = Field(
        (), description="a list of the availability zones whose DHCP agents may serve it, such as 'rack-1'"
    )
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

    @field_validator("availability_hints")
    @classmethod
    def _each_zone_once(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        refused = Refusals()
        for index, zone in enumerate(zones):
            if zone in zones[:index]:
                refused.add((index,), f"zone {zone!r} is given twice; give it once")
        if len(json.dumps(zones)) > MOST_HINTS:  # as Neutron keeps them, in one column
            refused.add(
                (), f"together the zones are too long for Neutron; give less than {MOST_HINTS} characters"
            )
        refused.raise_if_any()
        return zones

    @field_validator("subnets")
    @classmethod
    def _the_mtu_carries_ipv6(
        cls, subnets: tuple[SubnetSpec, ...], info: ValidationInfo
    ) -> tuple[SubnetSpec, ...]:
        refused = Refusals()
        mtu: int | None = info.data.get("mtu")
        for index, subnet in enumerate(subnets):
            if mtu and mtu < IPV6_LEAST_MTU and subnet.is_ipv6:
                refused.add(
                    (index, "cidr"),
                    f"IPv6 needs an MTU of {IPV6_LEAST_MTU} or more, and the network's is {mtu}; raise its mtu",
                )
        refused.raise_if_any()
        return subnets


class ProviderNetwork(pulumi.ComponentResource):
    """A provider network.

    Makes one `openstack.networking.Network` with its segments, one `Subnet` for each of its subnets, one
    `HostRoutes` for each subnet that has some, and one `RbacPolicyV2` (access_as_shared) for each project it
    is shared with. Neutron cannot move a network to another VLAN nor give it other availability hints, nor
    change a subnet's CIDR or its IPv6 modes: those replace, old before new, and Neutron refuses while ports
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
        cloud: str,
        ids: Ids,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name, spelled = resource_name(name), name
        super().__init__(
            "private-cloud:network:ProviderNetwork",
            name,
            None,
            known_as(opts, name, spelled, spec.renamed_from),
        )
        child_opts = pulumi.ResourceOptions(parent=self)
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
            port_security_enabled=spec.port_security,
            # None where it says none: Neutron may then have default ones, which are no difference.
            availability_zone_hints=list(spec.availability_hints) or None,
            opts=adopting(
                pulumi.ResourceOptions.merge(
                    protecting(child_opts, spec),
                    pulumi.ResourceOptions(
                        replace_on_changes=["segments"],
                        # The plugin sees no difference where the hints were taken out.
                        replacement_trigger=sorted(spec.availability_hints),
                    ),
                ),
                spec,
            ),
        )
        self.network_id = network.id
        self.subnet_ids = {
            subnet.name: self._subnet(name, subnet, spec, cloud, child_opts) for subnet in spec.subnets
        }
        self.summary = {
            "id": self.network_id,
            "vlans": [segment.vlan for segment in spec.segments],
            "subnets": {
                subnet.name: {"id": self.subnet_ids[subnet.name], "cidr": str(subnet.cidr)}
                for subnet in spec.subnets
            },
        }
        for project in spec.shared_with:
            share = child_name(name, project.qualified_name)
            openstack.networking.RbacPolicyV2(
                share,
                action="access_as_shared",
                object_type="network",
                object_id=network.id,
                target_tenant=ids.projects[project.qualified_name],
                opts=adopting(known_as(child_opts, share, f"{name}/{project.qualified_name}"), project),
            )
        self.register_outputs({"network_id": self.network_id, "subnet_ids": self.subnet_ids})

    def _subnet(
        self,
        network_name: str,
        spec: SubnetSpec,
        network: ProviderNetworkSpec,
        cloud: str,
        child_opts: pulumi.ResourceOptions,
    ) -> pulumi.Output[str]:
        gateway = spec.gateway_address
        name = child_name(network_name, spec.name)
        spelled = [f"{network_name}/{former}" for former in (spec.name, spec.renamed_from) if former]
        named_opts = known_as(child_opts, name, *spelled)
        modes = [spec.ipv6.address_mode, spec.ipv6.ra_mode] if spec.ipv6 else [None, None]
        # The plugin sees no difference where a mode was taken out.
        by_modes = pulumi.ResourceOptions(replacement_trigger=[mode or "" for mode in modes])
        subnet = openstack.networking.Subnet(
            name,
            name=spec.name,
            description=spec.description,
            network_id=self.network_id,
            cidr=str(spec.cidr),
            ip_version=spec.cidr.version,
            ipv6_address_mode=modes[0],
            ipv6_ra_mode=modes[1],
            gateway_ip=str(gateway) if gateway else None,
            no_gateway=None if gateway else True,
            enable_dhcp=spec.dhcp,
            dns_nameservers=[str(server) for server in spec.dns],
            allocation_pools=[
                openstack.networking.SubnetAllocationPoolArgs(start=str(pool.start), end=str(pool.end))
                for pool in spec.pools
            ]
            or None,
            opts=protecting(adopting(pulumi.ResourceOptions.merge(named_opts, by_modes), spec), network),
        )
        if spec.host_routes:
            HostRoutes(
                name,
                cloud=cloud,
                subnet_id=subnet.id,
                routes=[
                    HostRoute(destination=str(route.destination), next_hop=str(route.next_hop))
                    for route in spec.host_routes
                ],
                # Neutron removes a subnet's routes with it.
                opts=pulumi.ResourceOptions.merge(named_opts, pulumi.ResourceOptions(deleted_with=subnet)),
            )
        if spec.allocation_pools == ():
            NoAllocationPools(
                name,
                cloud=cloud,
                subnet_id=subnet.id,
                given_back=[Pool(start=str(pool.start), end=str(pool.end)) for pool in spec.all_addresses],
                opts=pulumi.ResourceOptions.merge(named_opts, pulumi.ResourceOptions(deleted_with=subnet)),
            )
        return subnet.id
