"""Options of a resource that follow from the stack file: former names, adoption, protection."""

import pulumi

from clients.names import folded
from config.spec import Adoptable, Protectable


def adopting(opts: pulumi.ResourceOptions | None, spec: Adoptable) -> pulumi.ResourceOptions | None:
    """OPTS, so that what SPEC adopts is imported by its id and cannot be deleted by mistake.

    For resources of plugins: the engine imports those. A dynamic resource has an `adopt` input of its own.
    """
    if not spec.adopt:
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(import_=spec.adopt, protect=True))


def protecting(opts: pulumi.ResourceOptions | None, spec: Protectable) -> pulumi.ResourceOptions | None:
    """OPTS, so that the engine refuses to remove the resource where SPEC asks for that."""
    if not spec.protected:
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True))


def known_as(
    opts: pulumi.ResourceOptions | None, now: str, *before: str | None
) -> pulumi.ResourceOptions | None:
    """OPTS, so that the engine knows the resource NOW again by the names that it had BEFORE; its children follow.

    Each of them counts as it is spelled, as resources were named formerly, and folded.
    """
    names = [name for spelled in before if spelled for name in (folded(spelled), spelled)]
    aliases = [pulumi.Alias(name=name) for name in dict.fromkeys(names) if name != now]
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases)) if aliases else opts
