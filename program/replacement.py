"""How a resource is replaced: the old object is deleted first, then the new one is created.

docs/adr/0027-delete-before-replace.md says why.
"""

import copy

import pulumi
from pulumi.runtime import register_stack_transformation


def delete_before_replace() -> None:
    """Delete every resource of the program, also native ones, before it is replaced."""
    register_stack_transformation(_deleted_first)


def _deleted_first(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    # A provider is no object in the cloud. If it were deleted first, the engine would delete all its resources.
    if not isinstance(args.resource, pulumi.CustomResource) or isinstance(
        args.resource, pulumi.ProviderResource
    ):
        return None
    opts = copy.copy(args.opts)  # components share one object among their children
    opts.delete_before_replace = True
    return pulumi.ResourceTransformationResult(args.props, opts)
