"""The roles of one user or group on one scope: one resource, wherever the stack file gives them.

docs/adr/0008-roles-of-an-account.md says why.
"""

from collections.abc import Callable, Sequence

import pulumi

from components.identity.lookup import id_of
from components.identity.undeclared_grants import DeclaredGrant
from config.grant import Where
from dynamic_providers.role_set import RoleSet
from program.resource_options import known_as


class RoleAssignments(pulumi.ComponentResource):
    """All roles that the stack file gives one user or group on one scope.

    Makes one `RoleSet`. It has no parent and is named from what it is about, so that it is the same resource whether
    the roles come from `grants` or from an account's `access`, and however the names are spelled: what moves or
    is spelled anew changes nothing in Keystone. Looks up the roles by name; none is made.

    Attributes:
        role_set: the roles; its `revision` rises with each change.
        declared_grants: what it gives on a project or domain, for authoritative projects.
    """

    role_set: RoleSet
    declared_grants: list[DeclaredGrant]

    def __init__(
        self,
        where: Where,
        roles: Sequence[str],
        *,
        exact: bool,
        cloud: str,
        principal_id: Callable[[pulumi.Resource], pulumi.Input[str]],
        scope_id: pulumi.Input[str],
        formerly: Where | None = None,
        protect: bool | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "private-cloud:access:RoleAssignments",
            where.name,
            None,
            known_as(opts, where.name, formerly.name if formerly else None),
        )
        known_id = principal_id(self)  # a look-up needs this component's provider
        self.role_set = RoleSet(
            where.name,
            cloud=cloud,
            principal_kind=where.kind,
            principal_id=known_id,
            scope_kind=where.scope_kind,
            scope_id=scope_id,
            roles=[id_of("role", role, self) for role in roles],
            inherited=where.inherited,
            exact=exact,
            principal=where.principal,
            scope=where.scope,
            role_names=roles,
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        self.declared_grants = []
        if where.scope_kind != "system":
            self.declared_grants.append(
                DeclaredGrant(
                    kind=where.kind,
                    principal=where.principal,
                    principal_id=known_id,
                    roles=tuple(roles),
                    scope_id=scope_id,
                    inherited=where.inherited,
                    made_by=self.role_set,
                )
            )
        self.register_outputs({})
