"""Provider networks: Neutron networks on physical VLANs, with their subnets."""

import pulumi
import pulumi_openstack as openstack

from components.identity.ids import Ids
from components.network.qos_policy import qos_policy_id
from config.network import ProviderNetworkSpec
from config.resource_names import child_name, resource_name
from config.subnet import SubnetSpec
from dynamic_providers.network_attributes.provider import NetworkAttributes
from dynamic_providers.subnet_lists.provider import POOLS, ROUTES, HostRoutes, NoAllocationPools, in_order
from program.resource_options import adopting, known_as, protecting


class ProviderNetwork(pulumi.ComponentResource):
    """A provider network.

    Makes one `openstack.networking.Network` with its segments, one `NetworkAttributes` where it has a DNS domain or a
    QoS policy, one `Subnet` for each of its subnets, one `HostRoutes` for each subnet that has some, and one
    `RbacPolicyV2` (access_as_shared) for each project it is shared with. Neutron cannot move a network to another VLAN nor give it other availability hints, nor
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
            tags=sorted(spec.tags),
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
        if spec.dns_domain or spec.qos_policy:
            NetworkAttributes(
                name,
                cloud=cloud,
                network_id=network.id,
                dns_domain=spec.dns_domain or "",
                qos_policy_id=qos_policy_id(spec.qos_policy, self) if spec.qos_policy else "",
                opts=pulumi.ResourceOptions.merge(child_opts, pulumi.ResourceOptions(deleted_with=network)),
            )
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
            service_types=sorted(spec.service_types),
            tags=sorted(spec.tags),
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
                attribute=ROUTES,
                items=in_order(
                    [
                        {"destination": str(route.destination), "nexthop": str(route.next_hop)}
                        for route in spec.host_routes
                    ]
                ),
                given_back=[],
                # Neutron removes a subnet's routes with it.
                opts=pulumi.ResourceOptions.merge(named_opts, pulumi.ResourceOptions(deleted_with=subnet)),
            )
        if spec.allocation_pools == ():
            NoAllocationPools(
                name,
                cloud=cloud,
                subnet_id=subnet.id,
                attribute=POOLS,
                items=[],
                given_back=[{"start": str(pool.start), "end": str(pool.end)} for pool in spec.all_addresses],
                opts=pulumi.ResourceOptions.merge(named_opts, pulumi.ResourceOptions(deleted_with=subnet)),
            )
        return subnet.id
