"""Names of resources whose service ignores case and accents: another spelling is the same resource (docs/names.md).

Were `bot` and `Bot` two resources, the service would refuse the second, or hand the first one to be deleted.
"""

from clients.names import folded


def resource_name(name: str) -> str:
    """The resource's name for what the stack file calls NAME."""
    return folded(name) or name  # nothing is left of a name of accents alone


def child_name(parent: str, *names: str | int) -> str:
    """The name of a resource that belongs to the resource PARENT: PARENT/NAME[/NAME…]."""
    return folded("/".join(map(str, (parent, *names))))
