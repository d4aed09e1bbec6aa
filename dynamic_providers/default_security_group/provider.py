"""The CRUD of a default security group's rules, as a table of contents; the work is in `group`."""

from typing import ClassVar

from pydantic import Field

from clients import openstack
from clients.neutron.security_group_rules import Rule
from dynamic_providers.base import DynamicProvider, Inputs, Outputs, ResourceState
from dynamic_providers.default_security_group import group


class DefaultSecurityGroupArgs(Inputs):
    """What is declared.

    Attributes:
        cloud: entry of clouds.yaml with an administrator's login.
        project_id: whose default group it is.
        rules: all of the group's rules, sorted; a rule that is not here is removed.
    """

    cloud: str = Field(min_length=1)
    project_id: str = Field(min_length=1)
    rules: list[Rule]


class DefaultSecurityGroupOutputs(Outputs):
    """What was found.

    Attributes:
        security_group_id: of the group.
    """

    security_group_id: str


class DefaultSecurityGroupProvider(DynamicProvider[DefaultSecurityGroupArgs, DefaultSecurityGroupOutputs]):
    """Exactly the declared rules in the default group that Neutron makes for each project."""

    inputs_model = DefaultSecurityGroupArgs
    outputs_model = DefaultSecurityGroupOutputs
    replace_on: ClassVar[frozenset[str]] = frozenset({"project_id"})
    reached_by: ClassVar[frozenset[str]] = frozenset({"cloud"})

    def find_or_create(self, inputs: DefaultSecurityGroupArgs) -> tuple[str, DefaultSecurityGroupOutputs]:
        """Have Neutron make the group, if it has not yet, and change its rules."""
        return inputs.project_id, _bring_to(inputs)

    def read_live(
        self, state: ResourceState[DefaultSecurityGroupArgs, DefaultSecurityGroupOutputs]
    ) -> tuple[DefaultSecurityGroupArgs, DefaultSecurityGroupOutputs] | None:
        """The rules as they are. Asked for by the group's id, which makes Neutron create nothing."""
        with openstack.connect(state.inputs.cloud) as conn:
            found = group.rules(conn, state.outputs.security_group_id)
        if found is None:
            return None
        return state.inputs.model_copy(update={"rules": sorted(found.values())}), state.outputs

    def delete_live(
        self, state: ResourceState[DefaultSecurityGroupArgs, DefaultSecurityGroupOutputs]
    ) -> None:
        """Leave the group to Neutron again."""
        with openstack.connect(state.inputs.cloud) as conn:
            group.give_back(conn, state.outputs.security_group_id, state.inputs.project_id)


def _bring_to(inputs: DefaultSecurityGroupArgs) -> DefaultSecurityGroupOutputs:
    with openstack.connect(inputs.cloud) as conn:
        group_id = group.ensure(conn, inputs.project_id)
        group.bring_to(conn, group_id, inputs.project_id, inputs.rules)
    return DefaultSecurityGroupOutputs(security_group_id=group_id)
