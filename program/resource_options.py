"""Options of a resource that follow from the stack file: former names, adoption, protection."""

import pulumi

from clients.names import folded
from config.spec import Adoptable, Protectable


def adopting(opts: pulumi.ResourceOptions | None, spec: Adoptable) -> pulumi.ResourceOptions | None:
    """Return OPTS with import and protection if SPEC has `adopt`.

    For resources of plugins, which the engine imports. A dynamic resource has an `adopt` input of its own.
    """
    if not spec.adopt:
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(import_=spec.adopt, protect=True))


def protecting(opts: pulumi.ResourceOptions | None, spec: Protectable) -> pulumi.ResourceOptions | None:
    """Return OPTS with protection if SPEC asks for it."""
    if not spec.protected:
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True))


def known_as(
    opts: pulumi.ResourceOptions | None, now: str, *before: str | None
) -> pulumi.ResourceOptions | None:
    """Return OPTS with aliases for the names that the resource NOW had BEFORE; its children inherit them.

    Each former name is an alias as spelled, as resources were once named, and folded.
    """
    names = [name for spelled in before if spelled for name in (folded(spelled), spelled)]
    aliases = [pulumi.Alias(name=name) for name in dict.fromkeys(names) if name != now]
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases)) if aliases else opts
