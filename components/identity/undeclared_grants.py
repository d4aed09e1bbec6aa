"""Authoritative projects: grants that the stack file does not declare are listed and, when asked, removed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pulumi

from clients.errors import CloudError
from clients.keystone import own_login
from clients.keystone.own_login import Own
from clients.keystone.role_assignments import PrincipalKind
from clients.names import folded
from clients.openstack import connect
from components.identity.ids import Ids
from config.identity import Undeclared
from config.resource_names import resource_name
from config.settings import Settings
from dynamic_providers.undeclared_grants import UndeclaredGrants, assignments, removal
from dynamic_providers.undeclared_grants.assignments import Assignment, Found
from program.resource_options import known_as


@dataclass(frozen=True)
class DeclaredGrant:
    """Roles that the stack file gives one user or group on one scope.

    Attributes:
        kind: user or group.
        principal: NAME@DOMAIN.
        principal_id: of the user or group.
        roles: their names.
        scope_id: of the project or domain.
        inherited: whether they count inside the scope and not on it.
        made_by: what makes them.
    """

    kind: PrincipalKind
    principal: str
    principal_id: pulumi.Input[str]
    roles: tuple[str, ...]
    scope_id: pulumi.Input[str]
    inherited: bool
    made_by: pulumi.Resource


@dataclass(frozen=True)
class Known:
    """A declared grant as far as this run knows it; an id that is None is of something yet to be made."""

    kind: PrincipalKind
    principal: str
    principal_id: str | None
    roles: frozenset[str]
    scope_id: str | None
    inherited: bool

    def covers(self, assignment: Assignment) -> bool:
        """Whether ASSIGNMENT is one of these; by name where the principal's id is not known yet."""
        same = (
            assignment.principal_id == self.principal_id
            if self.principal_id
            else folded(assignment.principal) == folded(self.principal)
        )
        return (
            same
            and (assignment.kind, assignment.scope_id, assignment.inherited)
            == (self.kind, self.scope_id, self.inherited)
            and folded(assignment.role) in self.roles
        )


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
        declared: Sequence[DeclaredGrant],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        now = resource_name(name)
        super().__init__(
            "private-cloud:undeclared_grants:AuthoritativeProject", now, None, known_as(opts, now, name)
        )
        to_remove: pulumi.Output[list[dict[str, Any]]] = pulumi.Output.from_input(
            self._told(name, undeclared, cloud=cloud, project_id=project_id, declared=declared)
        )
        if undeclared == "remove":
            UndeclaredGrants(
                now,
                cloud=cloud,
                project_id=project_id,
                undeclared=to_remove,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[grant.made_by for grant in declared]),
            )
        self.register_outputs({})

    async def _told(
        self,
        name: str,
        undeclared: Undeclared,
        *,
        cloud: str,
        project_id: pulumi.Input[str],
        declared: Sequence[DeclaredGrant],
    ) -> list[dict[str, Any]]:
        """Warn of what is not declared; what shall be removed of it, as the dynamic resource takes it."""
        known_id = await _known(project_id)
        if known_id is None:
            return []
        known = [await _known_grant(grant) for grant in declared]
        try:
            found, own = await asyncio.to_thread(_read, cloud, known_id, undeclared)
        except CloudError as error:
            pulumi.log.warn(
                f"project {name}: undeclared grants could not be looked for: {error}", resource=self
            )
            return []
        beside = [one for one in (*found.here, *found.above) if not any(grant.covers(one) for grant in known)]
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
        return [_as_input(assignment) for assignment in decided.removable] if decided else []


class Giver(Protocol):
    """A component that gives roles."""

    @property
    def declared_grants(self) -> Sequence[DeclaredGrant]:
        """What it gives on projects and domains."""


def make_authoritative(
    settings: Settings,
    ids: Ids,
    givers: Sequence[Giver],
    opts: pulumi.ResourceOptions,
) -> None:
    """Makes an AuthoritativeProject of every project that asks for it; GIVERS make all that is declared."""
    declared = [grant for giver in givers for grant in giver.declared_grants]
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
        found = assignments.read(connection, project_id)
        return found, own_login.read(connection) if undeclared == "remove" else None


async def _known_grant(grant: DeclaredGrant) -> Known:
    return Known(
        grant.kind,
        grant.principal,
        await _known(grant.principal_id),
        frozenset(folded(role) for role in grant.roles),
        await _known(grant.scope_id),
        grant.inherited,
    )


async def _known(identifier: pulumi.Input[str]) -> str | None:
    """IDENTIFIER, or None while it is of something yet to be made."""
    output: pulumi.Output[str] = pulumi.Output.from_input(identifier)
    return await output.future() if await output.is_known() else None


def _as_input(assignment: Assignment) -> dict[str, Any]:
    return {
        "kind": assignment.kind,
        "principal_id": assignment.principal_id,
        "role_id": assignment.role_id,
        "inherited": assignment.inherited,
        "told": str(assignment),
    }
