"""The host routes of a subnet, as one list: what is declared is there, and nothing else."""

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.host_routes.provider import HostRoute, HostRoutesProvider

__all__ = ["HostRoute", "HostRoutes"]


class HostRoutes(Resource, module="network", name="HostRoutes"):
    """The host routes of one subnet, in no order.

    The OpenStack plugin has a resource for a single route. It is not used: its refresh fails where a route
    was removed by hand, a create that was killed cannot be run again, and what others added stays unseen.

    Attributes:
        routes: what is declared.
    """

    routes: pulumi.Output[list[dict[str, str]]]

    def __init__(
        self,
        name: str,
        *,
        cloud: str,
        subnet_id: pulumi.Input[str],
        routes: list[HostRoute],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        listed = [route.model_dump() for route in sorted(routes, key=HostRoute.order)]
        super().__init__(
            HostRoutesProvider(), name, {"cloud": cloud, "subnet_id": subnet_id, "routes": listed}, opts
        )
