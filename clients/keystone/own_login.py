"""The account that runs this program: what it logs in with, and that no run takes that away."""

from collections.abc import Collection
from dataclasses import dataclass

from clients.errors import InUseError
from clients.keystone.assignment import Place
from clients.openstack import Connection, answered


@dataclass(frozen=True)
class Own:
    """The account of a connection.

    Attributes:
        group_ids: of the groups through which it may have roles.
        scopes: where roles count for its token: kind and id of a project or domain, and whether inherited.
        role_ids: the roles of its token.
    """

    user_id: str
    group_ids: frozenset[str]
    scopes: frozenset[tuple[str, str, bool]] = frozenset()
    role_ids: frozenset[str] = frozenset()

    def has(self, kind: str, principal_id: str) -> bool:
        """Whether the user or group is this account's."""
        return principal_id in ({self.user_id} if kind == "user" else self.group_ids)

    def needs(self, place: Place, role_ids: Collection[str]) -> set[str]:
        """Which of ROLE_IDS at PLACE the account would miss: those of its token, and every one on the system."""
        if not self.has(place.principal_kind, place.principal_id):
            return set()
        if place.scope_kind == "system":
            return set(role_ids)
        at_work = (place.scope_kind, place.scope_id, place.inherited) in self.scopes
        return set(role_ids) & self.role_ids if at_work else set()


def read(conn: Connection, *, with_groups: bool = True) -> Own:
    """Read whose login the connection is: two requests, or one without its groups."""
    found = conn.identity.get("/auth/tokens", headers={"X-Subject-Token": str(conn.auth_token)})
    token = answered(found, "Keystone", "tell whose token this is")["token"]
    user = token["user"]
    groups = []
    if with_groups:
        found = conn.identity.get(f"/users/{user['id']}/groups")
        groups += answered(found, "Keystone", "list the groups of the account that runs this")["groups"]
        groups += user.get("OS-FEDERATION", {}).get("groups", [])  # of this login only; no list has them
    scopes = set()
    if "project" in token:
        scopes = {
            ("project", token["project"]["id"], False),
            ("domain", token["project"]["domain"]["id"], True),
        }
    elif "domain" in token:
        scopes = {("domain", token["domain"]["id"], False)}
    return Own(
        user["id"],
        frozenset(group["id"] for group in groups),
        frozenset(scopes),
        frozenset(role["id"] for role in token.get("roles", ())),
    )


def keep(conn: Connection, place: Place, role_ids: Collection[str]) -> None:
    """Refuse to take ROLE_IDS away at PLACE where this run's own account needs one of them.

    Raises:
        InUseError: it does; nothing was changed.
        CloudError: Keystone does not tell.
    """
    if not role_ids:
        return
    needed = read(conn, with_groups=place.principal_kind == "group").needs(place, role_ids)
    if needed:
        raise InUseError(
            f"role {', '.join(sorted(needed))} of {place} is this run's own: without it the account of openstack.cloud "
            "may be locked out. Keep its grant in the stack file; or have another administrator take the role away "
            "(`openstack role remove`), then run this again."
        )
