"""A subnet without allocation pools, which the OpenStack plugin cannot declare: it leaves an empty list out."""

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.no_allocation_pools.provider import NoAllocationPoolsProvider, Pool

__all__ = ["NoAllocationPools", "Pool"]


class NoAllocationPools(Resource, module="network", name="NoAllocationPools"):
    """That Neutron gives no address of one subnet out by itself; a port may still be given one.

    Attributes:
        given_back: the pools that the subnet gets where this is no longer declared.
    """

    given_back: pulumi.Output[list[dict[str, str]]]

    def __init__(
        self,
        name: str,
        *,
        cloud: str,
        subnet_id: pulumi.Input[str],
        given_back: list[Pool],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        pools = [pool.model_dump() for pool in given_back]
        super().__init__(
            NoAllocationPoolsProvider(),
            name,
            {"cloud": cloud, "subnet_id": subnet_id, "given_back": pools},
            opts,
        )
