"""The CRUD of a subnet's having no allocation pools."""

from openstack.connection import Connection
from pydantic import BaseModel, ConfigDict, Field

from clients.neutron import subnets
from clients.openstack import connect
from dynamic_providers.base import DynamicProvider, DynamicResource, Inputs, Outputs, ResourceState


class Pool(BaseModel):
    """The addresses from START to END, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: str
    end: str


class NoAllocationPoolsArgs(Inputs):
    """Which subnet has none.

    Attributes:
        cloud: entry of clouds.yaml with which Neutron is used.
        subnet_id: the subnet's.
        given_back: the pools it gets at the end, unless it has some by then.
    """

    cloud: str = Field(min_length=1)
    subnet_id: str = Field(min_length=1)
    given_back: list[Pool]


State = ResourceState[NoAllocationPoolsArgs, Outputs]


class NoAllocationPoolsProvider(DynamicProvider[NoAllocationPoolsArgs, Outputs]):
    """No allocation pools in a subnet; the resource's id is the subnet's."""

    replace_on = frozenset({"subnet_id"})
    connection_fields = frozenset({"cloud", "given_back"})

    def find_or_create(self, inputs: NoAllocationPoolsArgs) -> tuple[str, Outputs]:
        """Take the subnet's pools away."""
        with connect(inputs.cloud) as cloud:
            subnet = subnets.get(cloud, inputs.subnet_id)
            if subnet is None or subnet.allocation_pools:
                _set(cloud, inputs.subnet_id, [])
        return inputs.subnet_id, Outputs()

    def read_live(self, state: State) -> State | None:
        """Gone is: no subnet, or a pool in it."""
        with connect(state.inputs.cloud) as cloud:
            subnet = subnets.get(cloud, state.id)
        return None if subnet is None or subnet.allocation_pools else state

    def delete_live(self, state: State) -> None:
        """Give the subnet its pools back, unless the plugin has given it some meanwhile."""
        with connect(state.inputs.cloud) as cloud:
            subnet = subnets.get(cloud, state.id)
            if subnet is not None and not subnet.allocation_pools:
                _set(cloud, state.id, state.inputs.given_back)


def _set(cloud: Connection, id_: str, pools: list[Pool]) -> None:
    subnets.change(cloud, id_, "allocation pools", allocation_pools=[pool.model_dump() for pool in pools])


class NoAllocationPools(DynamicResource, module="network", name="NoAllocationPools"):
    """That Neutron gives no address of one subnet out by itself; a port may still be given one."""

    made_by = NoAllocationPoolsProvider
