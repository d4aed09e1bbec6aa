"""The CRUD of a list of a subnet that is declared as a whole."""

from typing import Any, Literal

from pydantic import Field

from clients.neutron import objects
from clients.openstack import connect
from dynamic_providers.base import CloudInputs, DynamicProvider, DynamicResource, Outputs, ResourceState

ROUTES, POOLS = "host_routes", "allocation_pools"

Items = list[dict[str, str]]


class SubnetListArgs(CloudInputs):
    """What the list is.

    Attributes:
        attribute: Neutron's name of the list.
        items: all of them as Neutron has them, ordered by `in_order`.
        given_back: what the list is at the end; pools only if it has none by then.
    """

    subnet_id: str = Field(min_length=1)
    attribute: Literal["host_routes", "allocation_pools"]
    items: Items
    given_back: Items


State = ResourceState[SubnetListArgs, Outputs]


class SubnetListProvider(DynamicProvider[SubnetListArgs, Outputs]):
    """A list of a subnet; the resource's id is SUBNET/ATTRIBUTE, so that two lists of one subnet are two objects."""

    replace_on = frozenset({"subnet_id", "attribute"})
    connection_fields = frozenset({"cloud", "given_back"})

    def find_or_create(self, inputs: SubnetListArgs) -> tuple[str, Outputs]:
        """Give the subnet these items and no others."""
        with connect(inputs.cloud) as cloud:
            subnet = objects.get(cloud, "subnet", inputs.subnet_id)
            if subnet is None or _items(subnet, inputs) != inputs.items:  # an adopted subnet stays as it is
                _set(cloud, inputs, inputs.items)
        return f"{inputs.subnet_id}/{inputs.attribute}", Outputs()

    def read_live(self, state: State) -> State | None:
        """Gone is: no subnet."""
        with connect(state.inputs.cloud) as cloud:
            subnet = objects.get(cloud, "subnet", state.inputs.subnet_id)
        return state.seen(items=_items(subnet, state.inputs)) if subnet else None

    def delete_live(self, state: State) -> None:
        """Give back what the list is without this; pools that the plugin has given the subnet meanwhile stay."""
        with connect(state.inputs.cloud) as cloud:
            subnet = objects.get(cloud, "subnet", state.inputs.subnet_id)
            if subnet is None or (state.inputs.attribute == POOLS and subnet.allocation_pools):
                return
            _set(cloud, state.inputs, state.inputs.given_back)


def in_order(items: Items) -> Items:
    """ITEMS in an order of their own; Neutron keeps none."""
    return sorted(items, key=lambda item: sorted(item.items()))


def _items(subnet: Any, inputs: SubnetListArgs) -> Items:
    return in_order([dict(item) for item in getattr(subnet, inputs.attribute) or ()])


def _set(cloud: Any, inputs: SubnetListArgs, items: Items) -> None:
    what = inputs.attribute.replace("_", " ")
    objects.change(cloud, "subnet", inputs.subnet_id, what, **{inputs.attribute: items})


class HostRoutes(DynamicResource, module="network", name="HostRoutes"):
    """The host routes of one subnet, as Neutron has them.

    The OpenStack plugin has a resource for a single route. It is not used: its refresh fails where a route
    was removed by hand, a create that was killed cannot be run again, and what others added stays unseen.
    """

    made_by = SubnetListProvider


class NoAllocationPools(DynamicResource, module="network", name="NoAllocationPools"):
    """That Neutron gives no address of one subnet out by itself; the OpenStack plugin leaves an empty list out."""

    made_by = SubnetListProvider
