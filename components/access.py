"""Who may do what where: role assignments in which every name carries its domain."""

from collections.abc import Mapping
from typing import ClassVar

import pulumi
import pulumi_openstack as openstack
from pydantic import Field, ValidationInfo, field_validator

from components.annotated_types import Name
from components.lookup import id_of
from components.problems import refusal
from components.spec import Adoptable, Effect, Spec, adopting


class Principal(Spec):
    """A user or a group, and the domain that holds it."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "name": Effect.REPLACED,
        "domain": Effect.REPLACED,
    }

    name: Name = Field(description="the user's or group's name")
    domain: Name = Field(description="the domain that holds it, declared or existing")


class GrantScope(Spec):
    """What a role is granted on: a project of a domain, or the domain itself."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "project": Effect.REPLACED,
        "domain": Effect.REPLACED,
    }

    project: Name | None = Field(None, description="the project; leave it out for the domain itself")
    domain: Name = Field(description="the project's domain, or the domain itself")

    def __str__(self) -> str:
        """PROJECT@DOMAIN, or the domain alone."""
        return f"{self.project}@{self.domain}" if self.project else self.domain


class RoleGrantSpec(Adoptable):
    """One role assignment: a role, for one user or one group, on one project or domain."""

    effects: ClassVar[Mapping[str, Effect]] = {"adopt": Effect.NOTHING, "role": Effect.REPLACED}

    role: Name = Field(description="the role's name, such as 'member'")
    user: Principal | None = Field(None, description="the user: {name, domain}")
    group: Principal | None = Field(None, description="the group: {name, domain}", validate_default=True)
    scope: GrantScope = Field(description="the project and its domain, or the domain alone")

    @field_validator("group")
    @classmethod
    def _one_of_user_and_group(cls, group: Principal | None, info: ValidationInfo) -> Principal | None:
        if "user" in info.data and (group is None) == (info.data["user"] is None):
            both = "neither user nor group" if group is None else "both user and group"
            raise refusal(f"the grant names {both}; name exactly one of them")
        return group

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
        """ROLE/user/NAME@DOMAIN/PROJECT@DOMAIN: names it among all grants of the cloud."""
        return f"{self.role}/{self.kind}/{self.principal.name}@{self.principal.domain}/{self.scope}"


class RoleGrant(pulumi.ComponentResource):
    """A role on a project or domain, for a user or a group of any domain.

    Makes one `openstack.identity.RoleAssignment`. Looks up the user or group by name inside its own domain
    and the role by name; none is made. A name that the cloud does not know stops the run with a sentence.
    """

    assignment_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        spec: RoleGrantSpec,
        *,
        principal_domain_id: pulumi.Input[str],
        scope_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:access:RoleGrant", name, None, opts)
        principal = spec.principal
        principal_id = id_of(
            spec.kind, principal.name, self, domain=principal.domain, domain_id=principal_domain_id
        )
        assignment = openstack.identity.RoleAssignment(
            name,
            role_id=id_of("role", spec.role, self),
            user_id=principal_id if spec.kind == "user" else None,
            group_id=principal_id if spec.kind == "group" else None,
            project_id=scope_id if spec.scope.project else None,
            domain_id=None if spec.scope.project else scope_id,
            opts=adopting(pulumi.ResourceOptions(parent=self), spec),
        )
        self.assignment_id = assignment.id
        self.register_outputs({"assignment_id": self.assignment_id})
