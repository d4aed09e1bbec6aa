"""Who may do what where: role assignments in which every name carries its domain."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import pulumi
from pydantic import Field, ValidationInfo, field_validator

from components.annotated_types import Name
from components.ids import Ids
from components.lookup import id_of
from components.problems import Problem, refusal
from components.role_assignments import RoleAssignments, Where
from components.spec import Adoptable, Effect, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.settings import Settings


class Principal(Spec):
    """A user or a group, and the domain that holds it."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "name": Effect.REPLACED,
        "domain": Effect.REPLACED,
    }

    name: Name = Field(description="the user's or group's name")
    domain: Name = Field(description="the domain that holds it, declared or existing")


class GrantScope(Spec):
    """What a role is granted on: a project of a domain, the domain itself, or the whole system."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "project": Effect.REPLACED,
        "domain": Effect.REPLACED,
        "system": Effect.REPLACED,
    }

    project: Name | None = Field(None, description="the project; leave it out for the domain itself")
    domain: Name | None = Field(None, description="the project's domain, or the domain itself")
    system: Literal["all"] | None = Field(
        None,
        description="'all', alone: the whole cloud; only with `openstack.allow_system_scope: true`",
        validate_default=True,
    )

    @field_validator("system")
    @classmethod
    def _one_place(cls, system: str | None, info: ValidationInfo) -> str | None:
        if not {"project", "domain"} <= set(info.data):
            return system  # what is wrong with those is told already
        if system and (info.data["project"] or info.data["domain"]):
            raise refusal("the whole system has no project and no domain; name either them or `system: all`")
        if not system and not info.data["domain"]:
            what = (
                f"project {info.data['project']!r} without its domain" if info.data["project"] else "nothing"
            )
            raise refusal(
                f"the scope names {what}; give {{project, domain}}, or {{domain}} for a domain itself"
            )
        return system

    def __str__(self) -> str:
        """PROJECT@DOMAIN, the domain alone, or system:all."""
        if self.system:
            return f"system:{self.system}"
        return f"{self.project}@{self.domain}" if self.project else str(self.domain)


class RoleGrantSpec(Adoptable):
    """One role assignment: a role, for one user or one group, on one project or domain, or on the system."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "adopt": Effect.NOTHING,
        "inherited": Effect.REPLACED,
    }

    role: Name = Field(description="the role's name, such as 'member'")
    user: Principal | None = Field(None, description="the user: {name, domain}")
    group: Principal | None = Field(None, description="the group: {name, domain}", validate_default=True)
    scope: GrantScope = Field(
        description="{project, domain}, or {domain} for a domain itself, or {system: all}"
    )
    inherited: bool = Field(
        default=False,
        description="true or false: whether it counts on what is inside the scope, and not on the scope itself",
    )

    @field_validator("group")
    @classmethod
    def _one_of_user_and_group(cls, group: Principal | None, info: ValidationInfo) -> Principal | None:
        if "user" in info.data and (group is None) == (info.data["user"] is None):
            both = "neither user nor group" if group is None else "both user and group"
            raise refusal(f"the grant names {both}; name exactly one of them")
        return group

    @field_validator("inherited")
    @classmethod
    def _inside_something(cls, inherited: bool, info: ValidationInfo) -> bool:
        if inherited and "scope" in info.data and info.data["scope"].system:
            raise refusal(
                "nothing inherits from the system scope; for all projects of a domain give {domain} and inherited"
            )
        return inherited

    @property
    def kind(self) -> str:
        """The kind of the one that gets the role: "user" or "group"."""
        return "user" if self.user else "group"

    @property
    def principal(self) -> Principal:
        """The one that gets the role."""
        principal = self.user or self.group
        assert principal is not None, "the validator asks for one"
        return principal

    @property
    def where(self) -> Where:
        """Who gets the role, and on what."""
        if self.scope.system:
            kind: Literal["system", "project", "domain"] = "system"
        else:
            kind = "project" if self.scope.project else "domain"
        principal = f"{self.principal.name}@{self.principal.domain}"
        return Where("user" if self.user else "group", principal, kind, str(self.scope), self.inherited)

    @property
    def qualified_name(self) -> str:
        """ROLE/user/NAME@DOMAIN/PROJECT@DOMAIN[/inherited]: names it among all grants of the cloud."""
        below = "/inherited" if self.inherited else ""
        return f"{self.role}/{self.kind}/{self.principal.name}@{self.principal.domain}/{self.scope}{below}"

    def assignment_id(self, principal_id: str, scope_id: str, role_id: str) -> str:
        """DOMAIN/PROJECT/GROUP/USER/ROLE, as ids, with nothing where there is none: what `adopt` has to be."""
        on = ("", scope_id) if self.scope.project else (scope_id, "")
        to = ("", principal_id) if self.user else (principal_id, "")
        return "/".join([*on, *to, role_id])


def make_grants(
    specs: Sequence[RoleGrantSpec],
    *,
    cloud: str,
    ids: Ids,
    opts: pulumi.ResourceOptions,
) -> list[RoleAssignments]:
    """Make the grants of a stack file: one `RoleAssignments` for each user or group and scope, with all roles there.

    Looks up the user or group by name inside its own domain; none is made. A name that the cloud does not know stops
    the run with a sentence. Other roles there are left alone. One that is there already is taken over; while a grant
    has `adopt`, the engine refuses to remove them.
    """
    together: dict[str, list[RoleGrantSpec]] = {}
    for spec in specs:
        together.setdefault(spec.where.name, []).append(spec)
    return [_made(grants, cloud, ids, opts) for grants in together.values()]


def _made(
    grants: Sequence[RoleGrantSpec], cloud: str, ids: Ids, opts: pulumi.ResourceOptions
) -> RoleAssignments:
    first = grants[0]
    principal, scope = first.principal, first.scope
    scope_id = "all" if scope.system else ids.of(scope.project, str(scope.domain))

    def principal_id(holder: pulumi.Resource) -> pulumi.Output[str]:
        found = id_of(
            first.kind,
            principal.name,
            holder,
            domain=principal.domain,
            domain_id=ids.principals_domains[principal.domain],
        )
        adopted = [grant for grant in grants if grant.adopt]
        if not adopted:
            return found
        roles = [id_of("role", grant.role, holder) for grant in adopted]
        return pulumi.Output.all(found, scope_id, *roles).apply(lambda known: _checked(adopted, *known))

    return RoleAssignments(
        first.where,
        [grant.role for grant in grants],
        exact=False,
        cloud=cloud,
        principal_id=principal_id,
        scope_id=scope_id,
        protect=True if any(grant.adopt for grant in grants) else None,
        opts=opts,
    )


def _checked(adopted: Sequence[RoleGrantSpec], principal_id: str, scope_id: str, *role_ids: str) -> str:
    """PRINCIPAL_ID, once the id that each grant adopts is seen to be that of what it declares."""
    for grant, role_id in zip(adopted, role_ids, strict=True):
        declared = grant.assignment_id(principal_id, scope_id, role_id)
        if grant.adopt != declared:
            raise pulumi.RunError(
                f"grants: {grant.qualified_name} has adopt: {grant.adopt}, which is another grant's id; its own is "
                f"{declared}. Write that, or leave adopt out: a grant that is there is taken over without it."
            )
    return principal_id


def access_problems(settings: "Settings") -> "Iterator[Problem]":
    """Grants on the whole system, where the stack file does not allow them, and what they cannot have."""
    for index, grant in enumerate(settings.grants):
        if grant.scope.system and grant.adopt:
            yield Problem(
                ("grants", index, "adopt"),
                "a grant on the whole system has no id; leave adopt out: one that is there already is left as it is",
            )
        if grant.scope.system and not settings.openstack.allow_system_scope:
            yield Problem(
                ("grants", index, "scope", "system"),
                f"role {grant.role!r} on the whole system rules every domain, project and service of the cloud; "
                "give a project or a domain, or set openstack.allow_system_scope to true if that is meant",
            )
