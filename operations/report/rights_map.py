"""Who may do what, as it is drawn: the roles on each project and domain, service accounts, and Ceph's users."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from config.ceph_caps import pools_of
from config.resource_names import resource_name
from operations.report.mark import Mark, worse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from operations.report.change import Change

_USER = "openstack:identity/user:User"
_ROLES = "pulumi-python:dynamic/identity:RoleSet"
_CREDENTIAL = "pulumi-python:dynamic/identity:ApplicationCredential"
_OF_AN_ACCOUNT = (_USER, _CREDENTIAL, "pulumi-python:dynamic/identity:GeneratedPassword")
_CEPH_USER = "pulumi-python:dynamic/ceph:User"


@dataclass(frozen=True)
class DrawnGrant:
    """The roles of a user, group or service account in one place.

    Attributes:
        kind: user, group or account.
        who: NAME@DOMAIN.
        roles: names.
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


def rights_map(changes: Sequence[Change], marks: Mapping[str, Mark]) -> RightsMap:
    """The rights that CHANGES declare; MARKS are by URN."""
    accounts = tuple(_accounts(changes, marks))
    return RightsMap(
        places=tuple(_places(changes, marks, {resource_name(account.name) for account in accounts})),
        accounts=accounts,
        ceph_users=tuple(
            DrawnCephUser(f"client.{change.name}", tuple(_pools(change)), marks.get(change.urn))
            for change in changes
            if change.type == _CEPH_USER
        ),
    )


def _places(changes: Iterable[Change], marks: Mapping[str, Mark], accounts: set[str]) -> Iterator[DrawnPlace]:
    places: dict[str, list[DrawnGrant]] = {}
    for change in changes:
        if change.type == _ROLES:
            inputs = change.inputs
            who = str(inputs.get("principal", ""))
            kind = "account" if resource_name(who) in accounts else str(inputs.get("principal_kind", ""))
            names = tuple(map(str, inputs.get("role_names") or ()))
            inherited = bool(inputs.get("inherited"))
            places.setdefault(str(inputs.get("scope", "")), []).append(
                DrawnGrant(kind, who, names, inherited, marks.get(change.urn))
            )
    for place, grants in places.items():
        yield DrawnPlace(place, tuple(grants))


def _accounts(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[DrawnAccount]:
    principals = [str(change.inputs.get("principal", "")) for change in changes if change.type == _ROLES]
    spelled = {resource_name(name): name for name in principals}
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
        yield DrawnAccount(spelled.get(resource_name(name), name), credentials[name], mark)


def _pools(change: Change) -> Iterator[tuple[str, str]]:
    caps = change.inputs.get("caps")
    found: dict[str, list[str]] = {}
    for pool, right in pools_of(str(caps.get("osd") or "")) if isinstance(caps, dict) else ():
        found.setdefault(pool, []).append(right)
    for pool, rights in found.items():
        yield pool, "; ".join(dict.fromkeys(rights))
