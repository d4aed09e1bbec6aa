"""Networks, subnets, and who may use them."""

from config.network import ProjectReference, ProviderNetworkSpec, SegmentSpec
from config.subnet import AllocationPoolSpec, Ipv6Spec, SubnetSpec
from dynamic_providers.network_attributes.provider import NetworkAttributesProvider
from dynamic_providers.subnet_lists.provider import SubnetListProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Fact, Risk, Verdict
from operations.report.rules.rule import Rule, by_key, given, harmless, in_the_way, lost, removed


def _of_network(change: Change, cloud: Dependents) -> tuple[Fact, ...]:
    return cloud.of_network(change.id)


def _of_subnet(change: Change, cloud: Dependents) -> tuple[Fact, ...]:
    return cloud.of_subnet(change.id)


def _share_goes(change: Change, cloud: Dependents) -> Verdict:
    return in_the_way(
        cloud.of_share(given(change, "objectId"), given(change, "targetTenant")),
        gone=f"A project may not use the network {'until it is shared anew' if change.new else 'any more'}",
        free="it has nothing there.",
    )


def _routes_change(change: Change, cloud: Dependents) -> Verdict:
    routes = ", ".join(str(route.get("destination")) for route in lost(change, "items"))
    facts = cloud.of_subnet(given(change, "subnetId") or given(change, "subnet_id"))
    if routes:
        return Verdict(
            Risk.INTERRUPTS, f"Instances lose their way to {routes} when they renew their lease.", facts
        )
    return Verdict(Risk.HARMLESS, "Instances get more routes when they renew their lease.", facts)


def _attributes_change(change: Change, cloud: Dependents) -> Verdict:
    facts = cloud.of_network(given(change, "network_id"))
    if change.old.get("qos_policy_id", "") == change.new.get("qos_policy_id", ""):
        return Verdict(Risk.HARMLESS, "Ports made or changed from now on get names in the DNS domain.", facts)
    if all(fact.is_none for fact in facts):
        return Verdict(Risk.HARMLESS, "No port is on the network that would get other limits.", facts)
    return Verdict(
        Risk.INTERRUPTS, "Ports without a QoS policy of their own get other limits at once.", facts
    )


NETWORK_RULES = {
    "openstack:networking/network:Network": Rule(
        "network",
        harmless("A new network; nobody uses it yet."),
        by_key(
            {
                "shared": "Who may use the network changes: with it closed, projects cannot make ports there any more.",
                "adminStateUp": "The network is switched on or off for all that is on it.",
                "mtu": "Instances learn the new MTU when they renew their lease; until then both are in use.",
                "name": "Whoever names the network by its name has to use the new one.",
            },
            "Only new ports, or nobody, notice it.",
            facts=_of_network,
            by_users_alone=("mtu",),
            unused="Nothing is on the network that would notice.",
        ),
        removed("network", _of_network, "nothing is on it, but nobody can use it meanwhile."),
        specs=(ProviderNetworkSpec, SegmentSpec),
    ),
    "openstack:networking/subnet:Subnet": Rule(
        "subnet",
        harmless("A new subnet; ports made from now on may get an address of it."),
        by_key(
            {
                "gatewayIp": "Instances keep the old gateway until they renew their lease, and lose their way out if "
                "that one goes first.",
                "noGateway": "Instances lose or get their default route when they renew their lease.",
                "enableDhcp": "Instances get no address any more, or get it from another server.",
                "name": "Whoever names the subnet by its name has to use the new one.",
            },
            "Instances see it when they renew their lease; nothing stops.",
            facts=_of_subnet,
            by_users_alone=("gatewayIp", "noGateway", "enableDhcp"),
            unused="No port has an address of the subnet that would notice.",
        ),
        removed("subnet", _of_subnet, "no port has an address of it, but none is given meanwhile."),
        specs=(SubnetSpec, Ipv6Spec, AllocationPoolSpec),
    ),
    "openstack:networking/rbacPolicyV2:RbacPolicyV2": Rule(
        "share of a network",
        harmless("One more project may use the network."),
        _share_goes,
        _share_goes,
        specs=(ProjectReference,),
    ),
    "pulumi-python:dynamic/network:HostRoutes": Rule(
        "host routes",
        harmless("Instances get more routes when they renew their lease."),
        _routes_change,
        _routes_change,
        provider=SubnetListProvider,
    ),
    "pulumi-python:dynamic/network:NetworkAttributes": Rule(
        "DNS domain and QoS policy of a network",
        _attributes_change,
        _attributes_change,
        _attributes_change,
        provider=NetworkAttributesProvider,
    ),
    "pulumi-python:dynamic/network:NoAllocationPools": Rule(
        "no allocation pools",
        harmless(
            "Neutron gives ports no address of the subnet by itself any more; those that have one keep it."
        ),
        harmless("Only the pools that the subnet would get back are others."),
        harmless("Ports may get any address of the subnet again."),
        provider=SubnetListProvider,
    ),
}
