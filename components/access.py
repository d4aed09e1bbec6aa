"""Who may do what where: role assignments in which every name carries its domain."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import pulumi
import pulumi_openstack as openstack
from pydantic import Field, ValidationInfo, field_validator

from components.annotated_types import Name
from components.ids import Ids
from components.lookup import id_of
from components.problems import Problem, refusal
from components.spec import Adoptable, Effect, Spec, adopting
from components.undeclared_grants import DeclaredGrant
from dynamic_providers.role_set import RoleSet

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
        "role": Effect.REPLACED,
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
    def qualified_name(self) -> str:
        """ROLE/user/NAME@DOMAIN/PROJECT@DOMAIN[/inherited]: names it among all grants of the cloud."""
        below = "/inherited" if self.inherited else ""
        return f"{self.role}/{self.kind}/{self.principal.name}@{self.principal.domain}/{self.scope}{below}"


class RoleGrant(pulumi.ComponentResource):
    """A role on a project, a domain or the system, for a user or a group of any domain.

    Makes one `openstack.identity.RoleAssignment`, or `InheritRoleAssignment` where it is inherited. On the
    system, which the OpenStack provider does not know, it makes a `RoleSet` that leaves other roles there alone.
    Looks up the user or group by name inside its own domain and the role by name; none is made. A name that the
    cloud does not know stops the run with a sentence.

    Attributes:
        principal_id: of the user or group.
        role_id: of the role.
        declared_grants: what it gives on a project or domain, for authoritative projects.
        assignment_id: DOMAIN_ID/PROJECT_ID/GROUP_ID/USER_ID/ROLE_ID, with nothing where there is none; on the
            system KIND/PRINCIPAL_ID/system/all.
    """

    principal_id: pulumi.Output[str]
    role_id: pulumi.Output[str]
    declared_grants: list[DeclaredGrant]
    assignment_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        spec: RoleGrantSpec,
        *,
        cloud: str,
        ids: Ids,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:access:RoleGrant", name, None, opts)
        principal = spec.principal
        self.principal_id = id_of(
            spec.kind,
            principal.name,
            self,
            domain=principal.domain,
            domain_id=ids.principals_domains[principal.domain],
        )
        self.role_id = id_of("role", spec.role, self)
        if spec.scope.system:
            self.assignment_id = self._on_the_system(name, spec, cloud).id
            self.declared_grants = []
        else:
            scope_id = ids.of(spec.scope.project, str(spec.scope.domain))
            self.assignment_id = self._on_a_scope(name, spec, scope_id).id
            self.declared_grants = [self._declared(spec, scope_id)]
        self.register_outputs({"assignment_id": self.assignment_id})

    def _declared(self, spec: RoleGrantSpec, scope_id: pulumi.Input[str]) -> DeclaredGrant:
        return DeclaredGrant(
            kind="user" if spec.user else "group",
            principal=f"{spec.principal.name}@{spec.principal.domain}",
            principal_id=self.principal_id,
            roles=(spec.role,),
            scope_id=scope_id,
            inherited=spec.inherited,
            made_by=self,
        )

    def _on_a_scope(
        self, name: str, spec: RoleGrantSpec, scope_id: pulumi.Input[str]
    ) -> pulumi.CustomResource:
        kind = (
            openstack.identity.InheritRoleAssignment if spec.inherited else openstack.identity.RoleAssignment
        )
        return kind(
            name,
            role_id=self.role_id,
            user_id=self.principal_id if spec.kind == "user" else None,
            group_id=self.principal_id if spec.kind == "group" else None,
            project_id=scope_id if spec.scope.project else None,
            domain_id=None if spec.scope.project else scope_id,
            opts=adopting(pulumi.ResourceOptions(parent=self), spec),
        )

    def _on_the_system(self, name: str, spec: RoleGrantSpec, cloud: str) -> pulumi.CustomResource:
        return RoleSet(
            name,
            cloud=cloud,
            principal_kind="user" if spec.user else "group",
            principal_id=self.principal_id,
            scope_kind="system",
            scope_id="all",
            roles=[self.role_id],
            exact=False,
            opts=pulumi.ResourceOptions(parent=self),
        )


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
