"""Names of resources whose service ignores case and accents: another spelling is the same resource.

The engine knows a resource by its name. Were `bot` and `Bot` two resources, a stack file with the other spelling would
make one beside the other, which the service refuses, or which hands the first one to be deleted (docs/names.md).
"""

import pulumi

from clients.names import folded


def resource_name(name: str) -> str:
    """The resource's name for what the stack file calls NAME."""
    return folded(name) or name  # nothing is left of a name of accents alone


def child_name(parent: str, *names: str | int) -> str:
    """The name of a resource that belongs to the resource PARENT: PARENT/NAME[/NAME…]."""
    return folded("/".join(map(str, (parent, *names))))


def known_as(
    opts: pulumi.ResourceOptions | None, now: str, *before: str | None
) -> pulumi.ResourceOptions | None:
    """OPTS, so that the engine knows the resource NOW again by the names that it had BEFORE; its children follow.

    Each of them counts as it is spelled, as resources were named formerly, and folded.
    """
    names = [name for spelled in before if spelled for name in (folded(spelled), spelled)]
    aliases = [pulumi.Alias(name=name) for name in dict.fromkeys(names) if name != now]
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases)) if aliases else opts
