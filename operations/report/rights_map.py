"""Who may do what, as it is drawn: the roles on each project and domain, service accounts, and Ceph's users."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from components.ceph_caps import pools_of
from operations.report.mark import Mark, worse
from operations.report.risk import NotKnown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from operations.report.change import Change
    from operations.report.live import Role

_USER = "openstack:identity/user:User"
_ROLES = "pulumi-python:dynamic/identity:RoleSet"
_GRANTS = (
    "openstack:identity/roleAssignment:RoleAssignment",
    "openstack:identity/inheritRoleAssignment:InheritRoleAssignment",
)
_CREDENTIAL = "pulumi-python:dynamic/identity:ApplicationCredential"
_OF_AN_ACCOUNT = (_USER, _CREDENTIAL, "pulumi-python:dynamic/identity:GeneratedPassword")
_CEPH_USER = "pulumi-python:dynamic/ceph:User"
_INHERITED = "/inherited"
_GRANT = re.compile(r"(?P<role>.+?)/(?P<kind>user|group)/(?P<who>[^/]+)/(?P<scope>.+)")


@dataclass(frozen=True)
class DrawnGrant:
    """The roles of a user, group or service account in one place.

    Attributes:
        kind: user, group or account.
        who: NAME@DOMAIN.
        roles: names, or how many where nobody could say them.
        inherited: whether they count in the projects below, and not there.
    """

    kind: str
    who: str
    roles: tuple[str, ...]
    inherited: bool = False
    mark: Mark | None = None


@dataclass(frozen=True)
class DrawnPlace:
    """A project (NAME@DOMAIN), a domain or the system, and who has roles there."""

    name: str
    grants: tuple[DrawnGrant, ...]


@dataclass(frozen=True)
class DrawnAccount:
    """A service account, and how many application credentials it has."""

    name: str
    credentials: int = 0
    mark: Mark | None = None


@dataclass(frozen=True)
class DrawnCephUser:
    """A cephx user; pools are what it may use (empty for all) and how."""

    name: str
    pools: tuple[tuple[str, str], ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True)
class RightsMap:
    """Everybody's rights."""

    places: tuple[DrawnPlace, ...] = ()
    accounts: tuple[DrawnAccount, ...] = ()
    ceph_users: tuple[DrawnCephUser, ...] = ()

    def __bool__(self) -> bool:
        """Whether anybody has any."""
        return bool(self.places or self.accounts or self.ceph_users)


def rights_map(
    changes: Sequence[Change], marks: Mapping[str, Mark], roles: tuple[Role, ...] | NotKnown
) -> RightsMap:
    """The rights that CHANGES declare; MARKS are by URN, ROLES are Keystone's."""
    known = _names(changes)
    if not isinstance(roles, NotKnown):
        known |= {role.id: role.name for role in roles}
    accounts = tuple(_accounts(changes, marks))
    return RightsMap(
        places=tuple(_places(changes, marks, known, {account.name for account in accounts})),
        accounts=accounts,
        ceph_users=tuple(
            DrawnCephUser(f"client.{change.name}", tuple(_pools(change)), marks.get(change.urn))
            for change in changes
            if change.type == _CEPH_USER
        ),
    )


def _names(changes: Iterable[Change]) -> dict[str, str]:
    """The names of roles by id, as far as the stack's own grants tell them."""
    grants = ((change, _GRANT.fullmatch(change.name)) for change in changes if change.type in _GRANTS)
    return {str(change.inputs.get("roleId")): found["role"] for change, found in grants if found}


def _places(
    changes: Iterable[Change], marks: Mapping[str, Mark], roles: Mapping[str, str], accounts: set[str]
) -> Iterator[DrawnPlace]:
    drafts: dict[str, dict[tuple[str, str, bool, Mark | None], DrawnGrant]] = {}
    for change in changes:
        if change.type not in (_ROLES, *_GRANTS):
            continue
        place, grant = _grant(change, marks.get(change.urn), roles, accounts)
        there = drafts.setdefault(place, {})
        key = (grant.kind, grant.who, grant.inherited, grant.mark)
        if key in there:
            grant = replace(grant, roles=(*there[key].roles, *grant.roles))
        there[key] = grant
    for place, grants in drafts.items():
        yield DrawnPlace(place, tuple(grants.values()))


def _grant(
    change: Change, mark: Mark | None, roles: Mapping[str, str], accounts: set[str]
) -> tuple[str, DrawnGrant]:
    """Where it is, and what; both stand in the resource's name."""
    name = change.name.removesuffix(_INHERITED)
    inherited = name != change.name
    found = _GRANT.fullmatch(name)
    if found:
        kind = "account" if found["who"] in accounts else found["kind"]
        return found["scope"], DrawnGrant(kind, found["who"], (found["role"],), inherited, mark)
    who, _, place = name.partition("/")
    ids = [str(role) for role in change.inputs.get("roles") or ()]
    told = tuple(roles[role] for role in ids if role in roles)
    if len(told) < len(ids) or not ids:
        told = (f"{len(ids)} role{'' if len(ids) == 1 else 's'}" if ids else "roles",)
    return place, DrawnGrant("account", who, told, inherited, mark)


def _accounts(changes: Iterable[Change], marks: Mapping[str, Mark]) -> Iterator[DrawnAccount]:
    credentials: dict[str, int] = {}
    happens: dict[str, Mark | None] = {}
    for change in changes:
        if change.type in _OF_AN_ACCOUNT:
            name = change.name.partition("/")[0]
            mark = marks.get(change.urn)
            if mark and change.type != _USER:
                mark = replace(mark, operation="logins change")
            happens[name] = worse(happens.get(name), mark)
            credentials[name] = credentials.get(name, 0) + (change.type == _CREDENTIAL)
    for name, mark in happens.items():
        yield DrawnAccount(name, credentials[name], mark)


def _pools(change: Change) -> Iterator[tuple[str, str]]:
    caps = change.inputs.get("caps")
    found: dict[str, list[str]] = {}
    for pool, right in pools_of(str(caps.get("osd") or "")) if isinstance(caps, dict) else ():
        found.setdefault(pool, []).append(right)
    for pool, rights in found.items():
        yield pool, "; ".join(dict.fromkeys(rights))
