"""The CRUD of a default security group's rules."""

import pulumi
from pydantic import Field

from clients import openstack
from clients.neutron import security_groups
from clients.neutron.security_group_rules import Rule
from dynamic_providers.base import CloudInputs, DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.default_security_group import group


class DefaultSecurityGroupArgs(CloudInputs):
    """What is declared: all of the group's rules, sorted; a rule that is not here is removed."""

    project_id: str = Field(min_length=1)
    rules: list[Rule]


class DefaultSecurityGroupOutputs(Outputs):
    """The group that Neutron has made."""

    security_group_id: str


State = ResourceState[DefaultSecurityGroupArgs, DefaultSecurityGroupOutputs]


class DefaultSecurityGroupProvider(DynamicProvider[DefaultSecurityGroupArgs, DefaultSecurityGroupOutputs]):
    """Exactly the declared rules in the default group that Neutron makes for each project."""

    replace_on = frozenset({"project_id"})
    connection_fields = frozenset({"cloud"})

    def find_or_create(self, inputs: DefaultSecurityGroupArgs) -> tuple[str, DefaultSecurityGroupOutputs]:
        """Have Neutron make the group, if it has not yet, and change its rules."""
        return inputs.project_id, _bring_to(inputs)

    def read_live(self, state: State) -> State | None:
        """The rules as they are. Asked for by the group's id, which makes Neutron create nothing."""
        with openstack.connect(state.inputs.cloud) as conn:
            found = security_groups.rules(conn, state.outputs.security_group_id)
        return None if found is None else state.seen(rules=sorted(found.values()))

    def delete_live(self, state: State) -> None:
        """Leave the group to Neutron again."""
        with openstack.connect(state.inputs.cloud) as conn:
            group.give_back(conn, state.outputs.security_group_id, state.inputs.project_id)


def _bring_to(inputs: DefaultSecurityGroupArgs) -> DefaultSecurityGroupOutputs:
    with openstack.connect(inputs.cloud) as conn:
        group_id = group.ensure(conn, inputs.project_id)
        security_groups.bring_to(conn, group_id, inputs.project_id, inputs.rules)
    return DefaultSecurityGroupOutputs(security_group_id=group_id)


class DefaultSecurityGroup(DynamicResource, module="networking", name="DefaultSecurityGroup"):
    """Exactly these rules in the security group that a project's ports get when none is named.

    openstack.networking.SecGroup cannot: Neutron makes this group itself, with rules that let each port of
    the group reach each other. See DefaultSecurityGroupArgs for what it declares.
    """

    made_by = DefaultSecurityGroupProvider

    security_group_id: pulumi.Output[str]
