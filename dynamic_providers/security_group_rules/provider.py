"""The CRUD of a security group's rules."""

from pydantic import Field

from clients import openstack
from clients.errors import CloudError, InUseError
from clients.neutron import security_groups
from clients.neutron.security_group_rules import Rule
from clients.openstack import Connection
from dynamic_providers.base import CloudInputs, DynamicProvider, DynamicResource, Outputs, ResourceState


class SecurityGroupRulesArgs(CloudInputs):
    """What is declared: all of the group's rules, sorted; a rule that is not here is removed."""

    project_id: str = Field(min_length=1)
    security_group_id: str = Field(min_length=1)
    rules: list[Rule]


State = ResourceState[SecurityGroupRulesArgs, Outputs]


class SecurityGroupRulesProvider(DynamicProvider[SecurityGroupRulesArgs, Outputs]):
    """Exactly the declared rules in a group that the OpenStack plugin makes; the resource's id is the group's.

    The engine deletes the rules before their group. Neutron refuses to delete a group in use, and the plugin goes on
    asking for ten minutes: so a group in use is refused here, before anything of it is removed.
    """

    replace_on = frozenset({"project_id", "security_group_id"})
    connection_fields = frozenset({"cloud"})

    def find_or_create(self, inputs: SecurityGroupRulesArgs) -> tuple[str, Outputs]:
        """Change the rules of the group, also those that Neutron has given a new one.

        Raises:
            CloudError: the project has another group of this name. A killed run may have made it, which the plugin
                does not find: it makes a second one.
        """
        with openstack.connect(inputs.cloud) as conn:
            group = security_groups.get(conn, inputs.security_group_id) or {}
            if others := security_groups.namesakes(conn, group) if group else []:
                raise CloudError(
                    f"project {inputs.project_id} has another security group {group['name']!r} ({', '.join(others)}), "
                    "maybe of a killed `up`, and servers that ask for one by its name get neither; delete or rename it"
                )
            _bring_to(conn, inputs)
        return inputs.security_group_id, Outputs()

    def update_in_place(self, state: State, inputs: SecurityGroupRulesArgs) -> Outputs:
        """Change the rules, whatever other groups there are by now."""
        with openstack.connect(inputs.cloud) as conn:
            _bring_to(conn, inputs)
        return state.outputs

    def read_live(self, state: State) -> State | None:
        """The rules as they are. Gone is: no group."""
        with openstack.connect(state.inputs.cloud) as conn:
            found = security_groups.rules(conn, state.id)
        return None if found is None else state.seen(rules=sorted(found.values()))

    def delete_live(self, state: State) -> None:
        """Leave the rules to the group, which goes with them: it is never without, as long as it is there.

        Raises:
            InUseError: ports use the group; nothing was changed.
        """
        if refused := self.delete_refusals(state):
            raise InUseError(refused[0])

    def delete_refusals(self, state: State) -> list[str]:
        """That ports use the group."""
        with openstack.connect(state.inputs.cloud) as conn:
            users = security_groups.users(conn, state.id)
            return [_in_use(conn, state.id, users)] if users else []


def _bring_to(conn: Connection, inputs: SecurityGroupRulesArgs) -> None:
    security_groups.bring_to(conn, inputs.security_group_id, inputs.project_id, inputs.rules)


def _in_use(conn: Connection, group_id: str, users: str) -> str:
    group = security_groups.get(conn, group_id) or {}
    return (
        f"security group {group.get('name')!r} ({group_id}) is used by {users}; give them another group first, or "
        "delete them"
    )


class SecurityGroupRules(DynamicResource, module="networking", name="SecurityGroupRules"):
    """Exactly these rules in one security group. See SecurityGroupRulesArgs for what it declares."""

    made_by = SecurityGroupRulesProvider
