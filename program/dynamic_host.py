"""Use one host process of dynamic providers for a whole run, even if the stack file has changed.

docs/adr/0036-one-host-of-dynamic-providers.md says why.
"""

import copy

import pulumi
from pulumi.dynamic import Resource
from pulumi.runtime import register_stack_transformation


class DynamicHost(pulumi.ProviderResource):
    """The engine's default provider of dynamic resources, registered by the program and without configuration."""

    def __init__(self) -> None:
        super().__init__("pulumi-python", "default", {})


def keep_one_host() -> None:
    """Make every dynamic resource use one host process, which the engine never configures again."""
    hosts: list[DynamicHost] = []

    def use_it(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not isinstance(args.resource, Resource):
            return None
        if not hosts:
            hosts.append(DynamicHost())
        opts = copy.copy(args.opts)  # components share one object among their children
        opts.provider = hosts[0]
        return pulumi.ResourceTransformationResult(args.props, opts)

    register_stack_transformation(use_it)
