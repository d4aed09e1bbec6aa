"""Server groups of projects."""

from collections.abc import Sequence

import pulumi

from components.identity.project import Project
from components.identity.role_assignments import RoleAssignments
from config.resource_names import resource_name
from config.server_group import ServerGroupSpec
from dynamic_providers.server_group.provider import ServerGroup
from program.resource_options import known_as, protecting


class ProjectServerGroup(pulumi.ComponentResource):
    """A server group of a project.

    Makes one `ServerGroup`, after the project's quota and all grants: Nova makes a group in the project of the
    login that asks, so this stack's account needs a role there.
    """

    group_id: pulumi.Output[str]
    summary: dict[str, pulumi.Input[str]]
    """What the stack exports: id, project and policy."""

    def __init__(
        self,
        name: str,
        spec: ServerGroupSpec,
        *,
        cloud: str,
        project: Project,
        grants: Sequence[RoleAssignments],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name, spelled = resource_name(name), name
        super().__init__("private-cloud:compute:ServerGroup", name, None, known_as(opts, name, spelled))
        child_opts = pulumi.ResourceOptions(
            parent=self,
            depends_on=[project, *(grant.role_set for grant in grants)],
            protect=True if spec.adopt else None,
        )
        group = ServerGroup(
            name,
            cloud=cloud,
            project_id=project.project_id,
            name=spec.name,
            policy=spec.policy,
            max_server_per_host=spec.max_server_per_host,
            adopt=spec.adopt,
            opts=protecting(child_opts, spec),
        )
        self.group_id = group.id
        self.summary = {"id": group.id, "project": spec.project_name, "policy": spec.policy}
        self.register_outputs({"group_id": group.id})
