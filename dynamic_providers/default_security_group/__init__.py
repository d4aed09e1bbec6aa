"""The rules of a project's default security group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi  # noqa: TC002 - Pulumi evaluates the annotations of outputs
from pulumi.dynamic import Resource

from dynamic_providers.default_security_group.provider import (
    DefaultSecurityGroupArgs,
    DefaultSecurityGroupProvider,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clients.neutron.security_group_rules import Rule

__all__ = ["DefaultSecurityGroup", "DefaultSecurityGroupArgs"]


class DefaultSecurityGroup(Resource, module="networking", name="DefaultSecurityGroup"):
    """Exactly these rules in the security group that a project's ports get when none is named.

    openstack.networking.SecGroup cannot: Neutron makes this group itself, with rules that let each port of
    the group reach each other. See DefaultSecurityGroupArgs for what it declares.

    Attributes:
        security_group_id: of the group.
    """

    security_group_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        cloud: str,
        project_id: pulumi.Input[str],
        rules: Iterable[Rule],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        declared = {
            "cloud": cloud,
            "project_id": project_id,
            "rules": [rule.model_dump(exclude_none=True) for rule in sorted(set(rules))],
        }
        super().__init__(DefaultSecurityGroupProvider(), name, {**declared, "security_group_id": None}, opts)
