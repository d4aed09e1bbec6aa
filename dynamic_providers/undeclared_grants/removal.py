"""Which undeclared grants of a project may be removed, and why the others stay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clients.keystone.assignment import Assignment
from clients.keystone.own_login import Own
from clients.keystone.role_assignments import Found

FROM_ABOVE = "it is inherited from there and not removable here"
OWN_ACCOUNT = "it is the account's that runs this program"
OWN_GROUP = "the account that runs this program is in that group"
LAST_ADMIN = "it is the project's last admin; declare another one first"


@dataclass(frozen=True)
class Removal:
    """What goes, and what stays with the reason."""

    removable: tuple[Assignment, ...]
    kept: Mapping[Assignment, str]


def of(found: Found, undeclared: Iterable[Assignment], own: Own) -> Removal:
    """Decide about UNDECLARED, a part of FOUND, for the account OWN.

    An admin is whoever exists and has a role called admin on the project, inherited ones too; a group counts as
    one. If none would be left, the first of them by name stays.
    """
    kept: dict[Assignment, str] = {}
    removable: list[Assignment] = []
    for assignment in sorted(undeclared, key=str):
        if assignment in found.above:
            kept[assignment] = FROM_ABOVE
        elif own.has(assignment.place.principal_kind, assignment.place.principal_id):
            kept[assignment] = OWN_ACCOUNT if assignment.place.principal_kind == "user" else OWN_GROUP
        else:
            removable.append(assignment)
    # What is assigned on the project and inherited counts in its sub-projects only.
    counting = (*(one for one in found.here if not one.place.inherited), *found.above)
    admins = [one for one in counting if one.is_live_admin]
    if admins and all(admin in removable for admin in admins):
        removable.remove(admins[0])
        kept[admins[0]] = LAST_ADMIN
    return Removal(tuple(removable), kept)
