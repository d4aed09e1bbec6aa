"""The CRUD of removing undeclared grants."""

import logging

from pydantic import Field

from clients import openstack
from clients.keystone import own_login, role_assignments
from clients.keystone.assignment import Assignment
from dynamic_providers.base import CloudInputs, DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.undeclared_grants import removal

LOG = logging.getLogger(__name__)


class UndeclaredGrantsArgs(CloudInputs):
    """What shall be removed of an authoritative project, as this run's program found it."""

    project_id: str = Field(min_length=1)
    undeclared: list[Assignment] = Field(default_factory=list)


class UndeclaredGrantsOutputs(Outputs):
    """What the last update removed: who, which role, where."""

    removed: list[str] = Field(default_factory=list)


State = ResourceState[UndeclaredGrantsArgs, UndeclaredGrantsOutputs]


class UndeclaredGrantsProvider(DynamicProvider[UndeclaredGrantsArgs, UndeclaredGrantsOutputs]):
    """Removes what was found undeclared, and nothing that came after."""

    replace_on = frozenset({"project_id"})
    connection_fields = frozenset({"cloud"})
    to_do_fields = frozenset({"undeclared"})

    def find_or_create(self, inputs: UndeclaredGrantsArgs) -> tuple[str, UndeclaredGrantsOutputs]:
        """Remove what is listed."""
        return inputs.project_id, _remove(inputs)

    def read_live(self, state: State) -> State | None:
        """As it was: it is a deed and no thing, and what there is to do, the program finds out."""
        return state

    def delete_live(self, state: State) -> None:
        """Nothing: what was removed stays removed."""


def _remove(inputs: UndeclaredGrantsArgs) -> UndeclaredGrantsOutputs:
    """Decide again, because the grants may have changed since they were listed."""
    listed = {grant.key for grant in inputs.undeclared}
    if not listed:
        return UndeclaredGrantsOutputs()
    with openstack.connect(inputs.cloud) as conn:
        found = role_assignments.on_project(conn, inputs.project_id)
        undeclared = [assignment for assignment in found.here if assignment.key in listed]
        decided = removal.of(found, undeclared, own_login.read(conn))
        for assignment in decided.removable:
            role_assignments.remove(conn, assignment.place, assignment.role_id)
            LOG.info("removed: %s", assignment)
        for assignment, reason in decided.kept.items():
            LOG.warning("kept: %s: %s", assignment, reason)
    return UndeclaredGrantsOutputs(removed=[str(assignment) for assignment in decided.removable])


class UndeclaredGrants(DynamicResource, module="identity", name="UndeclaredGrants"):
    """The grants of one project that shall go, as the program has just found them.

    Removes them when it is made or updated, but never the account's that runs it, nor the project's last admin.
    An empty list is no change; deleting it changes nothing in the cloud.
    """

    made_by = UndeclaredGrantsProvider
