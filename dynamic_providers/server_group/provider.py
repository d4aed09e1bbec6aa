"""The CRUD of a server group."""

import pulumi
from pydantic import Field

from clients import openstack
from clients.errors import CloudError
from dynamic_providers.base import CloudInputs, DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.server_group import groups
from dynamic_providers.server_group.groups import ServerGroupRule


class ServerGroupArgs(CloudInputs):
    """What is declared; the cloud's account has a role on the project.

    Attributes:
        policy: Nova's name of it.
        max_server_per_host: the rule of an anti-affinity; left out, Nova's own.
        adopt: the id of one that is there already.
    """

    project_id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    policy: str
    max_server_per_host: int | None = None
    adopt: str | None = None

    @property
    def rule(self) -> ServerGroupRule:
        """What it is besides its name."""
        return ServerGroupRule(policy=self.policy, max_server_per_host=self.max_server_per_host)


State = ResourceState[ServerGroupArgs, Outputs]


class ServerGroupProvider(DynamicProvider[ServerGroupArgs, Outputs]):
    """A server group, which cannot be changed; the OpenStack plugin makes one only in its own login's project."""

    replace_on = frozenset({"project_id", "name", "policy", "max_server_per_host"})
    connection_fields = frozenset({"cloud"})
    create_only_fields = frozenset({"adopt"})

    def find_or_create(self, inputs: ServerGroupArgs) -> tuple[str, Outputs]:
        """Make it as a login to its project, unless it is there as declared."""
        if inputs.adopt:
            return _adopted(inputs, inputs.adopt), Outputs()
        with openstack.connect(inputs.cloud, project_id=inputs.project_id) as conn:
            return groups.find_or_create(conn, inputs.project_id, inputs.name, inputs.rule), Outputs()

    def read_live(self, state: State) -> State | None:
        """As it is; Nova changes none."""
        with openstack.connect(state.inputs.cloud) as conn:
            found = groups.get(conn, state.id)
        if found is None:
            return None
        return state.seen(
            name=found["name"], project_id=found["project_id"], **ServerGroupRule.of_nova(found).model_dump()
        )

    def delete_live(self, state: State) -> None:
        """Delete it, unless servers are in it."""
        with openstack.connect(state.inputs.cloud) as conn:
            groups.delete(conn, state.id)

    def delete_refusals(self, state: State) -> list[str]:
        """That servers are in it."""
        with openstack.connect(state.inputs.cloud) as conn:
            found = groups.get(conn, state.id)
            refused = groups.refusal(conn, found) if found else ""
        return [refused] if refused else []


def _adopted(inputs: ServerGroupArgs, group_id: str) -> str:
    with openstack.connect(inputs.cloud) as conn:
        found = groups.get(conn, group_id)
    if found is None:
        raise CloudError(f"there is no server group {group_id}; leave `adopt` out, and it is made")
    there = (found["name"], found["project_id"], ServerGroupRule.of_nova(found))
    if there != (inputs.name, inputs.project_id, inputs.rule):
        raise CloudError(
            f"server group {group_id} is {found['name']!r} of project {found['project_id']}, {there[2]}, and not as "
            "declared; declare it as it is: Nova changes none"
        )
    return group_id


class ServerGroup(DynamicResource, module="compute", name="ServerGroup"):
    """A server group of a project. See ServerGroupArgs for what it declares."""

    made_by = ServerGroupProvider

    name: pulumi.Output[str]
