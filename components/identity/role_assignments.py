"""The roles of one user or group on one scope: one resource, wherever the stack file gives them (docs/adr/0008)."""

from collections.abc import Callable
from dataclasses import asdict

import pulumi

from components.identity.lookup import role_ids
from config.grant import DeclaredGrant
from dynamic_providers.role_set.provider import RoleSet
from program.resource_options import known_as


class RoleAssignments(pulumi.ComponentResource):
    """All roles that the stack file gives one user or group on one scope.

    Makes one `RoleSet`. It has no parent and is named from what it is about, so that it is the same resource whether
    the roles come from `grants` or from an account's `access`, and however the names are spelled: what moves or
    is spelled anew changes nothing in Keystone. Looks up the roles by name; none is made.

    Attributes:
        grant: what the stack file gives.
        principal_id: of the user or group.
        scope_id: of the project or domain; "all" for the system.
        role_set: the roles; its `revision` rises with each change.
    """

    grant: DeclaredGrant
    principal_id: pulumi.Input[str]
    scope_id: pulumi.Input[str]
    role_set: RoleSet

    def __init__(
        self,
        grant: DeclaredGrant,
        *,
        exact: bool,
        cloud: str,
        principal_id: Callable[[pulumi.Resource], pulumi.Input[str]],
        scope_id: pulumi.Input[str],
        formerly: DeclaredGrant | None = None,
        protect: bool | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "private-cloud:access:RoleAssignments",
            grant.name,
            None,
            known_as(opts, grant.name, formerly.name if formerly else None),
        )
        self.grant = grant
        self.principal_id = principal_id(self)  # a look-up needs this component's provider
        self.scope_id = scope_id
        by_name = asdict(grant)
        self.role_set = RoleSet(
            grant.name,
            **by_name.pop("place")
            | by_name
            | {
                "cloud": cloud,
                "principal_id": self.principal_id,
                "scope_id": scope_id,
                "roles": role_ids(grant.role_names, self),
                "exact": exact,
            },
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        self.register_outputs({})
