"""The base of every spec: frozen, and a key it does not know is refused; and how a renamed one is known again."""

import pulumi
from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A part of the stack file; each field's description says what would be right there."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def with_alias(opts: pulumi.ResourceOptions | None, former_name: str | None) -> pulumi.ResourceOptions | None:
    """OPTS, so that the engine knows a resource again that was called FORMER_NAME; its children follow."""
    if not former_name:
        return opts
    return pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(name=former_name)])
    )
