"""The roles that one user or group has directly on one project, domain or the system."""

from collections.abc import Sequence
from dataclasses import asdict

import pulumi
from pulumi.dynamic import Resource

from config.grant import DeclaredGrant
from dynamic_providers.role_set.provider import RoleSetArgs, RoleSetProvider

__all__ = ["RoleSet", "RoleSetArgs"]


class RoleSet(Resource, module="identity", name="RoleSet"):
    """All roles of one user or group on one scope, as one resource that is changed in place.

    openstack.identity.RoleAssignment is one role, and Pulumi removes what is no longer declared at the end of
    a run, after what depends on it was made. An application credential is made with the roles that its account
    has at that moment, and keeps only those that stay. So the roles change first, all at once, and then what
    rests on them is made with the roles that stay. See RoleSetArgs for what it
    declares.

    Attributes:
        given: ids of the roles that were declared at the last run.
        revision: rises with each change of the roles; give it to what rests on them.
    """

    given: pulumi.Output[list[str]]
    revision: pulumi.Output[int]

    def __init__(
        self,
        name: str,
        grant: DeclaredGrant,
        *,
        cloud: str,
        principal_id: pulumi.Input[str],
        scope_id: pulumi.Input[str],
        roles: Sequence[pulumi.Input[str]],
        exact: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        by_name = asdict(grant)
        declared = {
            **by_name.pop("place"),
            **by_name,
            "cloud": cloud,
            "principal_id": principal_id,
            "scope_id": scope_id,
            "roles": pulumi.Output.all(*roles).apply(lambda ids: sorted(set(ids))),  # a set: no order
            "exact": exact,
        }
        super().__init__(RoleSetProvider(), name, {**declared, "given": None, "revision": None}, opts)
