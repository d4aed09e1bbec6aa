"""Projects, with their quota and default security group."""

import pulumi
import pulumi_openstack as openstack

from components.identity.quota import Quota
from config.identity import ProjectSpec
from config.resource_names import resource_name
from dynamic_providers.default_security_group.provider import DefaultSecurityGroup
from program.resource_options import adopting, known_as, protecting


class Project(pulumi.ComponentResource):
    """A project in a domain.

    Makes one `openstack.identity.Project`, and its Quota and DefaultSecurityGroup where they are given.
    """

    project_id: pulumi.Output[str]
    summary: dict[str, pulumi.Input[str]]
    """What the stack exports: id, domain and domain_id."""

    def __init__(
        self,
        name: str,
        spec: ProjectSpec,
        *,
        cloud: str,
        domain_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name, spelled = resource_name(name), name
        super().__init__("private-cloud:identity:Project", name, None, known_as(opts, name, spelled))
        project = openstack.identity.Project(
            name,
            name=spec.name,
            description=spec.description,
            domain_id=domain_id,
            is_domain=False,
            enabled=True,
            opts=protecting(adopting(pulumi.ResourceOptions(parent=self), spec), spec),
        )
        self.project_id = project.id
        self.summary = {"id": self.project_id, "domain": spec.domain, "domain_id": project.domain_id}
        if spec.quota:
            Quota(name, spec.quota, project_id=project.id, opts=pulumi.ResourceOptions(parent=self))
        if spec.default_security_group:
            rules = sorted(set(spec.default_security_group.rules))
            DefaultSecurityGroup(
                name,
                cloud=cloud,
                project_id=project.id,
                rules=[rule.model_dump(exclude_none=True) for rule in rules],
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"project_id": self.project_id, "domain_id": project.domain_id})
