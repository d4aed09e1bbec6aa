"""Authoritative projects: grants that the stack file does not declare are listed and, when asked, removed."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import pulumi

from clients.errors import CloudError
from clients.keystone import own_login, role_assignments
from clients.keystone.own_login import Own
from clients.keystone.role_assignments import Found
from clients.openstack import connect
from components.identity.account import ServiceAccount
from components.identity.ids import Ids, known
from components.identity.role_assignments import RoleAssignments
from config.grant import DeclaredGrant
from config.identity import Undeclared
from config.resource_names import resource_name
from config.settings import Settings
from dynamic_providers.undeclared_grants import removal
from dynamic_providers.undeclared_grants.provider import UndeclaredGrants
from program.resource_options import known_as


class AuthoritativeProject(pulumi.ComponentResource):
    """What the cloud grants on one project beside the stack file: a warning, and its removal when asked for.

    The program itself reads Keystone, at preview and again at `up`. Makes one `UndeclaredGrants` if they shall
    be removed, after the declared grants were made. While the project is yet to be made there is nothing to read.
    Where Keystone cannot be read, a warning says so and nothing is removed.
    """

    def __init__(
        self,
        name: str,
        undeclared: Undeclared,
        *,
        cloud: str,
        project_id: pulumi.Input[str],
        declared: Sequence[RoleAssignments],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        now = resource_name(name)
        super().__init__(
            "private-cloud:undeclared_grants:AuthoritativeProject", now, None, known_as(opts, now, name)
        )
        to_remove: pulumi.Output[list[dict[str, Any]]] = pulumi.Output.from_input(
            self._warned(name, undeclared, cloud=cloud, project_id=project_id, declared=declared)
        )
        if undeclared == "remove":
            UndeclaredGrants(
                now,
                cloud=cloud,
                project_id=project_id,
                undeclared=to_remove,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[made.role_set for made in declared]),
            )
        self.register_outputs({})

    async def _warned(
        self,
        name: str,
        undeclared: Undeclared,
        *,
        cloud: str,
        project_id: pulumi.Input[str],
        declared: Sequence[RoleAssignments],
    ) -> list[dict[str, Any]]:
        """Warn of what is not declared; what shall be removed of it, as the dynamic resource takes it."""
        known_id = await known(project_id)
        if known_id is None:
            return []
        grants = [await _with_known_ids(made) for made in declared]
        try:
            found, own = await asyncio.to_thread(_read, cloud, known_id, undeclared)
        except CloudError as error:
            pulumi.log.warn(
                f"project {name}: undeclared grants could not be looked for: {error}", resource=self
            )
            return []
        beside = [
            one for one in (*found.here, *found.above) if not any(grant.covers(one) for grant in grants)
        ]
        decided = removal.of(found, beside, own) if own else None
        if beside:
            lines = (
                [f"{one}: {removal.FROM_ABOVE}" if one in found.above else str(one) for one in beside]
                if decided is None
                else [
                    *(f"{one}: will be removed" for one in decided.removable),
                    *(f"{one}: stays, because {reason}" for one, reason in decided.kept.items()),
                ]
            )
            count = "1 grant" if len(beside) == 1 else f"{len(beside)} grants"
            listed = "".join(f"\n  - {line}" for line in lines)
            pulumi.log.warn(
                f"project {name} has {count} that the stack file does not declare:{listed}", resource=self
            )
        return [asdict(assignment) for assignment in decided.removable] if decided else []


def make_authoritative(
    settings: Settings,
    ids: Ids,
    grants: Iterable[RoleAssignments],
    accounts: Iterable[ServiceAccount],
    opts: pulumi.ResourceOptions,
) -> None:
    """Makes an AuthoritativeProject of every project that asks for it; GRANTS and ACCOUNTS make all that is declared."""
    made = [*grants, *(roles for account in accounts for roles in account.access.values())]
    declared = [roles for roles in made if roles.grant.place.scope_kind != "system"]
    for spec in settings.projects:
        if spec.undeclared_grants != "ignore":
            AuthoritativeProject(
                spec.qualified_name,
                spec.undeclared_grants,
                cloud=settings.openstack.cloud,
                project_id=ids.projects[spec.qualified_name],
                declared=declared,
                opts=opts,
            )


def _read(cloud: str, project_id: str, undeclared: Undeclared) -> tuple[Found, Own | None]:
    with connect(cloud) as connection:
        found = role_assignments.on_project(connection, project_id)
        return found, own_login.read(connection) if undeclared == "remove" else None


async def _with_known_ids(made: RoleAssignments) -> DeclaredGrant:
    principal_id, scope_id = await known(made.principal_id), await known(made.scope_id)
    place = replace(made.grant.place, principal_id=principal_id or "", scope_id=scope_id or "")
    return replace(made.grant, place=place)
