"""The CRUD of a role set."""

from dataclasses import fields

import pulumi
from pydantic import Field

from clients import openstack
from clients.errors import InUseError
from clients.keystone import own_login, role_assignments
from clients.keystone.assignment import Place, PrincipalKind, ScopeKind
from clients.openstack import Connection
from dynamic_providers.base import CloudInputs, DynamicProvider, DynamicResource, Outputs, ResourceState


class RoleSetArgs(CloudInputs):
    """What a role set declares.

    Attributes:
        scope_id: of the project or domain; "all" for the system.
        inherited: whether the roles count in the projects below the scope instead of on it (OS-INHERIT).
        roles: ids of the roles, sorted.
        exact: whether these are all the roles there; else those that were never declared are left alone.
        principal: NAME@DOMAIN, for people: another spelling changes nothing.
        scope: PROJECT@DOMAIN, DOMAIN or system:all, for people.
        role_names: for people.
    """

    principal_kind: PrincipalKind
    principal_id: str = Field(min_length=1)
    scope_kind: ScopeKind
    scope_id: str = Field(min_length=1)
    inherited: bool = False
    roles: list[str]
    exact: bool = True
    principal: str = ""
    scope: str = ""
    role_names: list[str] = Field(default_factory=list)

    @property
    def place(self) -> Place:
        """The user or group on the scope."""
        return Place(**self.model_dump(include={field.name for field in fields(Place)}))


class RoleSetOutputs(Outputs):
    """What making it found out.

    Attributes:
        given: ids of the roles that were declared at the last run: they go when they are declared no more.
        revision: rises with each change of the roles: what was made with the former ones is made anew.
    """

    given: list[str] = Field(default_factory=list)
    revision: int = 1


State = ResourceState[RoleSetArgs, RoleSetOutputs]


class RoleSetProvider(DynamicProvider[RoleSetArgs, RoleSetOutputs]):
    """The roles that one user or group has directly on one scope, changed in place."""

    replace_on = frozenset({"principal_kind", "principal_id", "scope_kind", "scope_id", "inherited"})
    connection_fields = frozenset({"cloud"})
    create_only_fields = frozenset({"principal", "scope", "role_names"})

    def find_or_create(self, inputs: RoleSetArgs) -> tuple[str, RoleSetOutputs]:
        """Add what is missing; if exact, remove what is too many."""
        with openstack.connect(inputs.cloud) as conn:
            _bring_to(conn, inputs, set())
        return inputs.place.identity, RoleSetOutputs(given=inputs.roles)

    def update_in_place(self, state: State, inputs: RoleSetArgs) -> RoleSetOutputs:
        """The same; if not exact, only what was declared before is removed."""
        with openstack.connect(inputs.cloud) as conn:
            _bring_to(conn, inputs, set(state.outputs.given))
        return RoleSetOutputs(given=inputs.roles, revision=state.outputs.revision + 1)

    def read_live(self, state: State) -> State | None:
        """Gone is: no such user, group, project or domain. No roles at all are drift."""
        inputs = state.inputs
        with openstack.connect(inputs.cloud) as conn:
            found = role_assignments.roles(conn, inputs.place)
            if not found and not role_assignments.is_there(conn, inputs.place):
                return None
        roles = found if inputs.exact else found & set(inputs.roles)
        return state.seen(roles=sorted(roles))

    def delete_live(self, state: State) -> None:
        """Remove every role there, or if not exact, those that were declared."""
        with openstack.connect(state.inputs.cloud) as conn:
            _take(conn, state.inputs.place, _removed_with(conn, state))

    def delete_refusals(self, state: State) -> list[str]:
        """What this run's own account needs."""
        with openstack.connect(state.inputs.cloud) as conn:
            try:
                own_login.keep(conn, state.inputs.place, _removed_with(conn, state))
            except InUseError as error:
                return [str(error)]
        return []

    def hand_over(self, state: State, successor: RoleSetArgs) -> None:
        """A user or group that was renamed keeps the roles that are declared under its new name."""
        with openstack.connect(state.inputs.cloud) as conn:
            found = role_assignments.roles(conn, state.inputs.place)
            _take(conn, state.inputs.place, found & set(state.outputs.given) - set(successor.roles))


def _removed_with(conn: Connection, state: State) -> set[str]:
    """Ids of the roles that a delete of the role set takes away."""
    found = role_assignments.roles(conn, state.inputs.place)
    return found if state.inputs.exact else found & set(state.outputs.given)


def _bring_to(conn: Connection, inputs: RoleSetArgs, given: set[str]) -> None:
    """Add first, then remove, so that there is no moment without a role that stays; GIVEN were declared before."""
    wanted = set(inputs.roles)
    found = role_assignments.roles(conn, inputs.place)
    too_many = (found if inputs.exact else found & given) - wanted
    own_login.keep(conn, inputs.place, too_many)
    for role_id in sorted(wanted - found):
        role_assignments.add(conn, inputs.place, role_id)
    for role_id in sorted(too_many):
        role_assignments.remove(conn, inputs.place, role_id)


def _take(conn: Connection, place: Place, role_ids: set[str]) -> None:
    own_login.keep(conn, place, role_ids)
    for role_id in sorted(role_ids):
        role_assignments.remove(conn, place, role_id)


class RoleSet(DynamicResource, module="identity", name="RoleSet"):
    """All roles of one user or group on one scope, as one resource that is changed in place.

    openstack.identity.RoleAssignment is one role, and Pulumi removes what is no longer declared at the end of
    a run, after what depends on it was made. An application credential is made with the roles that its account
    has at that moment, and keeps only those that stay. So the roles change first, all at once, and then what
    rests on them is made with the roles that stay. See RoleSetArgs for what it declares.
    """

    made_by = RoleSetProvider

    revision: pulumi.Output[int]
