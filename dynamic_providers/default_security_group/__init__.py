"""The rules of a project's default security group."""

from collections.abc import Iterable

import pulumi
from pulumi.dynamic import Resource

from clients.neutron.security_group_rules import Rule
from dynamic_providers.default_security_group.provider import (
    DefaultSecurityGroupArgs,
    DefaultSecurityGroupProvider,
)

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
