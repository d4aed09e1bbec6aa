"""The CRUD of a subnet's host routes."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from clients.neutron import subnets
from clients.openstack import connect
from dynamic_providers.base import DynamicProvider, DynamicResource, Inputs, Outputs, ResourceState


class HostRoute(BaseModel):
    """One route.

    Attributes:
        destination: a CIDR.
        next_hop: the address of the router that leads there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    destination: str
    next_hop: str

    def order(self) -> tuple[str, str]:
        """Where the route stands in a list; Neutron keeps none."""
        return self.destination, self.next_hop


class HostRoutesArgs(Inputs):
    """What a subnet's routes are.

    Attributes:
        cloud: entry of clouds.yaml with which Neutron is used.
        subnet_id: the subnet's.
        routes: all of them, ordered as HostRoute.order says.
    """

    cloud: str = Field(min_length=1)
    subnet_id: str = Field(min_length=1)
    routes: list[HostRoute]


State = ResourceState[HostRoutesArgs, Outputs]


class HostRoutesProvider(DynamicProvider[HostRoutesArgs, Outputs]):
    """The host routes of a subnet; the resource's id is the subnet's."""

    replace_on = frozenset({"subnet_id"})
    connection_fields = frozenset({"cloud"})

    def find_or_create(self, inputs: HostRoutesArgs) -> tuple[str, Outputs]:
        """Give the subnet these routes and no others."""
        _set(inputs)
        return inputs.subnet_id, Outputs()

    def read_live(self, state: State) -> State | None:
        """Gone is: no subnet, or no route in it."""
        with connect(state.inputs.cloud) as cloud:
            subnet = subnets.get(cloud, state.id)
        if subnet is None or not subnet.host_routes:
            return None
        return state.seen(routes=_routes(subnet))

    def delete_live(self, state: State) -> None:
        """Leave the subnet without host routes; without the subnet there are none."""
        with connect(state.inputs.cloud) as cloud:
            if subnets.get(cloud, state.id):
                cloud.network.update_subnet(state.id, host_routes=[])


def _routes(subnet: Any) -> list[HostRoute]:
    routes = [
        HostRoute(destination=route["destination"], next_hop=route["nexthop"]) for route in subnet.host_routes
    ]
    return sorted(routes, key=HostRoute.order)


def _set(inputs: HostRoutesArgs) -> None:
    with connect(inputs.cloud) as cloud:
        there = subnets.get(cloud, inputs.subnet_id)
        if there is not None and _routes(there) == inputs.routes:
            return  # an adopted subnet stays as it is
        routes = [{"destination": route.destination, "nexthop": route.next_hop} for route in inputs.routes]
        subnets.change(cloud, inputs.subnet_id, "host routes", host_routes=routes)


class HostRoutes(DynamicResource, module="network", name="HostRoutes"):
    """The host routes of one subnet, in no order.

    The OpenStack plugin has a resource for a single route. It is not used: its refresh fails where a route
    was removed by hand, a create that was killed cannot be run again, and what others added stays unseen.
    """

    made_by = HostRoutesProvider
