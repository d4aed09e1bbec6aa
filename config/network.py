"""Provider networks, their segments, and who may use them."""

import json
from operator import attrgetter
from typing import Annotated

from pydantic import Field, ValidationInfo

from config.fields import DnsDomain, FormerName, Line, Mtu, Name, PhysicalNetworkName, Tag, VlanId, each_once
from config.spec import Adoptable, Problems, Protectable, Spec, checking
from config.subnet import SubnetSpec

MOST_HINTS = 255
"""neutron_lib.db.constants.AZ_HINTS_DB_LEN."""

IPV6_LEAST_MTU = 1280
"""RFC 8200: what every IPv6 link carries."""


class SegmentSpec(Spec, replaced="physical_network vlan"):
    """One VLAN on one physical network."""

    physical_network: PhysicalNetworkName = Field(
        description="Neutron's name of the physical network, such as 'physnet1'"
    )
    vlan: VlanId = Field(description="the VLAN ID, a number from 1 to 4094")


class ProjectReference(Adoptable, nothing="adopt", replaced="project domain"):
    """A project that uses a network, and its domain."""

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


class ProviderNetworkSpec(
    Protectable,
    nothing="adopt protected renamed_from",
    replaced="segments availability_hints",
    renamed="name",
):
    """A provider network, its segments and its subnets."""

    name: Name = Field(description="the network's name, unique among this program's networks")
    renamed_from: FormerName = None
    description: Line = Field("", description="free text")
    segments: tuple[SegmentSpec, ...] = Field(
        description="a list of {physical_network, vlan}, most often one"
    )
    mtu: Mtu | None = Field(None, description="the MTU in bytes; left out, what Neutron works out")
    port_security: bool = Field(
        default=True, description="true or false: whether new ports are guarded by security groups"
    )
    availability_hints: Annotated[tuple[Name, ...], each_once("zone")] = Field(
        (), description="a list of the availability zones whose DHCP agents may serve it, such as 'rack-1'"
    )
    dns_domain: DnsDomain | None = Field(
        None,
        description="the DNS domain of its ports' names, such as 'vms.corp.example'; left out, Neutron's own",
    )
    qos_policy: Name | None = Field(
        None, description="the name of a QoS policy that is there: for ports without one of their own"
    )
    tags: Annotated[tuple[Tag, ...], each_once("tag")] = Field(
        (), description="a list of tags; others that it has stay"
    )
    shared: bool = Field(default=False, description="true or false: whether every project may use it")
    shared_with: Annotated[
        tuple[ProjectReference, ...], each_once("project", attrgetter("qualified_name"))
    ] = Field((), description="a list of {project, domain}: the projects that may use it")
    subnets: tuple[SubnetSpec, ...] = Field((), description="a list of subnets")

    @checking("segments")
    def _has_a_segment(cls, segments: tuple[SegmentSpec, ...], _info: ValidationInfo) -> Problems:
        if not segments:
            yield "a provider network needs a segment; give {physical_network, vlan}"

    @checking("shared_with")
    def _shared_in_one_way(cls, projects: tuple[ProjectReference, ...], info: ValidationInfo) -> Problems:
        if projects and info.data.get("shared"):
            yield "the network is shared with everybody already; drop this, or set shared to false"

    @checking("availability_hints")
    def _short_enough_together(cls, zones: tuple[str, ...], _info: ValidationInfo) -> Problems:
        if len(json.dumps(zones)) > MOST_HINTS:  # as Neutron keeps them, in one column
            yield f"together the zones are too long for Neutron; give less than {MOST_HINTS} characters"

    @checking("subnets")
    def _the_mtu_carries_ipv6(cls, subnets: tuple[SubnetSpec, ...], info: ValidationInfo) -> Problems:
        mtu: int | None = info.data.get("mtu")
        for index, subnet in enumerate(subnets):
            if mtu and mtu < IPV6_LEAST_MTU and subnet.cidr.version == 6:  # noqa: PLR2004 - IPv6
                yield (
                    (index, "cidr"),
                    f"IPv6 needs an MTU of {IPV6_LEAST_MTU} or more, and the network's is {mtu}; raise its mtu",
                )
