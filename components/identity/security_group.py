"""A project's default security group, with exactly the declared rules."""

import pulumi

from config.security_group import DefaultSecurityGroupSpec
from dynamic_providers.default_security_group.provider import DefaultSecurityGroup as Rules


class DefaultSecurityGroup(pulumi.ComponentResource):
    """A project's default security group.

    Makes one `pulumi-python:dynamic/networking:DefaultSecurityGroup`, which has exactly the declared rules.
    """

    security_group_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        spec: DefaultSecurityGroupSpec,
        *,
        cloud: str,
        project_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:security_group:DefaultSecurityGroup", name, None, opts)
        group = Rules(
            name,
            cloud=cloud,
            project_id=project_id,
            rules=[rule.model_dump(exclude_none=True) for rule in sorted(set(spec.rules))],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.security_group_id = group.security_group_id
        self.register_outputs({"security_group_id": self.security_group_id})
