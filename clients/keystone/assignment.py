"""A role of a user or group on a project, a domain or the whole system: the value that the whole program uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PrincipalKind = Literal["user", "group"]
ScopeKind = Literal["project", "domain", "system"]

ADMIN = "admin"
INHERITED = "OS-INHERIT:inherited_to"


@dataclass(frozen=True)
class Place:
    """One user or group on one scope, by ids, by names, or by both.

    Attributes:
        principal_kind: user or group.
        principal_id: of the user or group; empty while it is not known.
        scope_kind: project, domain or system.
        scope_id: of the project or domain; "all" for the system; empty while it is not known.
        inherited: whether the roles count in the projects below the scope, and not on the scope itself.
        principal: NAME@DOMAIN; empty where it is not known, or nobody has that id any more.
        scope: PROJECT@DOMAIN, DOMAIN or system:all; empty where it is not known.
    """

    principal_kind: PrincipalKind
    principal_id: str
    scope_kind: ScopeKind
    scope_id: str
    inherited: bool = False
    principal: str = ""
    scope: str = ""

    @classmethod
    def of_keystone(
        cls,
        user: Mapping[str, Any] | None,
        group: Mapping[str, Any] | None,
        scope: Mapping[str, Any],
    ) -> "Place":
        """What Keystone says of an assignment: ids, and names where it was asked to include them."""
        principal = user or group or {}
        scope_kind: ScopeKind = (
            "project" if "project" in scope else "domain" if "domain" in scope else "system"
        )
        held = scope[scope_kind] if scope_kind != "system" else {"id": "all"}
        return cls(
            "user" if user else "group",
            principal.get("id", ""),
            scope_kind,
            held["id"],
            INHERITED in scope,
            qualified(principal),
            qualified(held),
        )

    @property
    def identity(self) -> str:
        """What this place is called among all places of a cloud, by its ids."""
        words = [self.principal_kind, self.principal_id, self.scope_kind, self.scope_id]
        return "/".join([*words, "inherited"] if self.inherited else words)

    def __str__(self) -> str:
        """For sentences: "user ID on project ID"."""
        scope = "the system" if self.scope_kind == "system" else f"{self.scope_kind} {self.scope_id}"
        return f"{self.principal_kind} {self.principal_id} on {scope}" + (
            " (inherited)" if self.inherited else ""
        )

    def assignment_id(self, role_id: str) -> str:
        """DOMAIN/PROJECT/GROUP/USER/ROLE, as ids, with nothing where there is none: what `grants[].adopt` has."""
        on = ("", self.scope_id) if self.scope_kind == "project" else (self.scope_id, "")
        to = ("", self.principal_id) if self.principal_kind == "user" else (self.principal_id, "")
        return "/".join([*on, *to, role_id])


@dataclass(frozen=True)
class Assignment:
    """One role at one place.

    Attributes:
        place: whose role it is, and where it was assigned.
        role: its name; NAME@DOMAIN for a role that belongs to a domain.
    """

    place: Place
    role_id: str
    role: str

    def __str__(self) -> str:
        """Who, which role, where."""
        place = self.place
        who = place.principal or f"id {place.principal_id}, which no longer exists,"
        below = ", inherited by what is inside" if place.inherited else ""
        return (
            f"role {self.role!r} for {place.principal_kind} {who} on {place.scope_kind} {place.scope}{below}"
        )

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others, by ids: names may change."""
        return self.place.identity, self.role_id

    @property
    def is_live_admin(self) -> bool:
        """Whether somebody who exists is an administrator through it."""
        return bool(self.place.principal) and self.role.casefold() == ADMIN


def qualified(named: Mapping[str, Any]) -> str:
    """NAME@DOMAIN of something that Keystone tells of, the name alone where it has no domain; empty without a name."""
    if not named.get("name"):
        return ""
    return f"{named['name']}@{named['domain']['name']}" if named.get("domain") else str(named["name"])
