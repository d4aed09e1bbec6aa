"""Security groups of projects, and their rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_openstack as openstack

from components.identity.project import Project
from config.resource_names import resource_name
from config.security_group import SecurityGroupSpec
from dynamic_providers.security_group_rules.provider import SecurityGroupRules
from program.resource_options import adopting, known_as, protecting


class SecurityGroup(pulumi.ComponentResource):
    """A security group of a project.

    Makes one `openstack.networking.SecGroup`, and one `SecurityGroupRules`, which holds exactly the declared rules.
    Rules may name other groups, and these name it: so they are added when all groups are known. Neutron lets no
    group of a port go, nor become stateless.
    """

    group_id: pulumi.Output[str]
    summary: dict[str, pulumi.Input[str]]
    """What the stack exports: id, project and project_id."""

    def __init__(
        self,
        name: str,
        spec: SecurityGroupSpec,
        *,
        cloud: str,
        project: Project,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name, spelled = resource_name(name), name
        former = f"{spec.project_name}/{spec.renamed_from}" if spec.renamed_from else None
        super().__init__(
            "private-cloud:network:SecurityGroup", name, None, known_as(opts, name, spelled, former)
        )
        self._name, self._spec, self._cloud = name, spec, cloud
        self._project_id = project.project_id
        # After the project's quota, which may allow more groups and rules than Neutron does by itself.
        self._child_opts = pulumi.ResourceOptions(parent=self, depends_on=[project])
        # The plugin cannot take a description away: it sends no empty one.
        kept = pulumi.ResourceOptions(ignore_changes=[] if spec.description else ["description"])
        group = openstack.networking.SecGroup(
            name,
            name=spec.name,
            description=spec.description or None,
            tenant_id=self._project_id,
            tags=sorted(spec.tags),
            stateful=spec.stateful,
            opts=adopting(protecting(pulumi.ResourceOptions.merge(self._child_opts, kept), spec), spec),
        )
        self.group_id = group.id
        self.summary = {"id": group.id, "project": spec.project_name, "project_id": group.tenant_id}
        self.register_outputs({"group_id": group.id})

    def add_rules(self, groups: Mapping[str, "SecurityGroup"]) -> None:
        """Give it its rules; GROUPS of its project are by name."""
        spec = self._spec
        named = {name: groups[name].group_id for name in spec.named_groups}

        def rules(group_ids: Mapping[str, str]) -> list[dict[str, Any]]:
            return [rule.model_dump(exclude_none=True) for rule in sorted(spec.rules(group_ids))]

        SecurityGroupRules(
            self._name,
            cloud=self._cloud,
            project_id=self._project_id,
            security_group_id=self.group_id,
            rules=pulumi.Output.all(**named).apply(rules) if named else rules({}),
            opts=self._child_opts,
        )


def make_security_groups(
    specs: Sequence[SecurityGroupSpec],
    *,
    cloud: str,
    projects: Mapping[str, Project],
    opts: pulumi.ResourceOptions,
) -> dict[str, SecurityGroup]:
    """The groups of SPECS, by PROJECT@DOMAIN/NAME; PROJECTS are by PROJECT@DOMAIN."""
    made = {
        spec.qualified_name: SecurityGroup(
            spec.qualified_name, spec, cloud=cloud, project=projects[spec.project_name], opts=opts
        )
        for spec in specs
    }
    for spec in specs:
        own = {
            other.name: made[other.qualified_name]
            for other in specs
            if other.project_name == spec.project_name
        }
        made[spec.qualified_name].add_rules(own)
    return made
