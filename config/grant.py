"""Role grants: who may do what where, every name with its domain."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, ValidationInfo

from clients.keystone.assignment import Assignment, Place, PrincipalKind
from clients.names import folded
from config.fields import Name
from config.resource_names import resource_name
from config.spec import Adoptable, Problems, Spec, checking


@dataclass(frozen=True)
class DeclaredGrant:
    """The roles that the stack file gives one user or group on one scope, in `grants` or in an account's `access`.

    Attributes:
        place: of whom, and on what; its ids are empty until they are looked up or made.
    """

    place: Place
    role_names: tuple[str, ...]

    @property
    def spelled(self) -> str:
        """KIND/PRINCIPAL/SCOPE[/inherited], as the stack file spells it."""
        place = self.place
        below = "/inherited" if place.inherited else ""
        return f"{place.principal_kind}/{place.principal}/{place.scope}{below}"

    @property
    def name(self) -> str:
        """The same, equal for all spellings that Keystone takes for one."""
        return resource_name(self.spelled)

    def covers(self, assignment: Assignment) -> bool:
        """Whether ASSIGNMENT is one of these; by name where the principal's id is not known yet."""
        mine, theirs = self.place, assignment.place
        same = (
            theirs.principal_id == mine.principal_id
            if mine.principal_id
            else folded(theirs.principal) == folded(mine.principal)
        )
        return (
            same
            and (theirs.principal_kind, theirs.scope_id, theirs.inherited)
            == (mine.principal_kind, mine.scope_id, mine.inherited)
            and folded(assignment.role) in map(folded, self.role_names)
        )


class Principal(Spec, replaced="name domain"):
    """A user or a group, and the domain that holds it."""

    name: Name = Field(description="the user's or group's name")
    domain: Name = Field(description="the domain that holds it, declared or existing")


class GrantScope(Spec, replaced="project domain system"):
    """What a role is granted on: a project of a domain, the domain itself, or the whole system."""

    project: Name | None = Field(None, description="the project; leave it out for the domain itself")
    domain: Name | None = Field(None, description="the project's domain, or the domain itself")
    system: Literal["all"] | None = Field(
        None,
        description="'all', alone: the whole cloud; only with `openstack.allow_system_scope: true`",
        validate_default=True,
    )

    @checking("system")
    def _one_place(cls, system: str | None, info: ValidationInfo) -> Problems:
        if not {"project", "domain"} <= set(info.data):
            return  # their mistakes are reported already
        project, domain = info.data["project"], info.data["domain"]
        if system and (project or domain):
            yield "the whole system has no project and no domain; name either them or `system: all`"
        elif not system and not domain:
            what = f"project {project!r} without its domain" if project else "nothing"
            yield f"the scope names {what}; give {{project, domain}}, or {{domain}} for a domain itself"

    def __str__(self) -> str:
        """PROJECT@DOMAIN, the domain alone, or system:all."""
        if self.system:
            return f"system:{self.system}"
        return f"{self.project}@{self.domain}" if self.project else str(self.domain)


class RoleGrantSpec(Adoptable, nothing="adopt", replaced="inherited"):
    """One role assignment: a role, for one user or one group, on one project or domain, or on the system."""

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

    @checking("group")
    def _one_of_user_and_group(cls, group: Principal | None, info: ValidationInfo) -> Problems:
        if "user" in info.data and (group is None) == (info.data["user"] is None):
            both = "neither user nor group" if group is None else "both user and group"
            yield f"the grant names {both}; name exactly one of them"

    @checking("inherited")
    def _inside_something(cls, inherited: bool, info: ValidationInfo) -> Problems:
        if inherited and "scope" in info.data and info.data["scope"].system:
            yield "nothing inherits from the system scope; for all projects of a domain give {domain} and inherited"

    @property
    def kind(self) -> PrincipalKind:
        """The kind of the one that gets the role."""
        return "user" if self.user else "group"

    @property
    def principal(self) -> Principal:
        """The one that gets the role."""
        principal = self.user or self.group
        assert principal is not None, "the validator asks for one"
        return principal

    @property
    def declared(self) -> DeclaredGrant:
        """Who gets the role, and on what."""
        place = Place(
            self.kind,
            "",
            "system" if self.scope.system else "project" if self.scope.project else "domain",
            "",
            self.inherited,
            f"{self.principal.name}@{self.principal.domain}",
            str(self.scope),
        )
        return DeclaredGrant(place, (self.role,))

    @property
    def qualified_name(self) -> str:
        """ROLE/user/NAME@DOMAIN/PROJECT@DOMAIN[/inherited]: names it among all grants of the cloud."""
        return f"{self.role}/{self.declared.spelled}"
