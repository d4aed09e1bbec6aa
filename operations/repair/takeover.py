"""Takes over what a killed run left on the cloud under ids that the stack's state does not know."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openstack.exceptions import SDKException

from clients.errors import CloudError
from clients.openstack import connect
from operations.adopt import live
from operations.adopt.found import LeftOut, Wanted, adopted_ids, managed_ids
from operations.adopt.search import KINDS, search
from operations.repair.locked_stack import LockedStack
from operations.repair.planned import Import, Pending, declared_in, imports_in, unknown_in
from operations.stack_file.entry import MissingId
from operations.stack_file.file import StackFile
from operations.stack_file.path import path_of

_LOOKED_FOR = tuple(kind for kind in KINDS if kind not in {"grants", "server_groups"})
"""The sections whose objects OpenStack refuses to make twice; whatever else is declared, the next `up` finds."""


@dataclass(frozen=True)
class Findings:
    """What a stack file declares and the state does not know.

    Attributes:
        imports: what a killed run was just creating, and the cloud has: it is this stack's.
        claimed: what the cloud has, and nothing tells whether this stack made it: its id goes into the stack file.
        file: the stack file with the ids of `claimed`.
        unresolved: what a person has to decide, a sentence each.
    """

    imports: list[Import]
    claimed: list[Import]
    file: StackFile
    unresolved: list[str]


def look(stack: LockedStack, operations: list[Pending]) -> Findings:
    """Asks the cloud for what the stack file declares and the state does not know; changes nothing.

    Raises:
        CloudError: the program or the cloud cannot be asked.
    """
    file = StackFile.read(path_of(stack.name))
    state = stack.state()
    plan = _previewed(stack)
    unresolved = [
        _undeclared(stack.name, operation)
        for operation in operations
        if operation.leaves_something and operation.urn not in declared_in(plan)
    ]
    unknown = unknown_in(plan, state)
    if not unknown:
        return Findings([], [], file, unresolved)
    try:
        missing, left_out = _unknown_on_the_cloud(file, state)
    except (CloudError, SDKException) as error:
        raise CloudError(
            f"the cloud could not be searched ({error}); mend that, then repeat this. What was being created is still "
            "pending"
        ) from error
    found = _importable(stack, file, missing) if missing else []
    was_creating = {operation.urn for operation in operations if operation.of_openstack}
    imports = [item for item in found if item.urn in unknown & was_creating]
    claimed = [item for item in found if item.urn in unknown - was_creating]
    ids = {item.id for item in claimed}
    new_file = file.with_additions([], [item for item in missing if item.adopt in ids]) if ids else file
    unresolved += [str(item) for item in left_out]
    return Findings(imports, claimed, new_file, unresolved)


def _unknown_on_the_cloud(file: StackFile, state: Mapping[str, Any]) -> tuple[list[MissingId], list[LeftOut]]:
    """What of FILE the cloud has and STATE does not know: what can be taken over, and what cannot.

    Raises:
        CloudError, SDKException: FILE has mistakes, or the cloud does not answer.
    """
    settings = file.settings()
    with connect(settings.openstack.cloud) as connection:
        wanted = Wanted(settings, managed=managed_ids(state) | frozenset(adopted_ids(settings)))
        found = search(live.look(connection), wanted, _LOOKED_FOR)
    missing = [item for item in found if isinstance(item, MissingId)]
    return missing, [item for item in found if isinstance(item, LeftOut) and item.declared]


def _importable(stack: LockedStack, file: StackFile, missing: list[MissingId]) -> list[Import]:
    """What Pulumi would import if FILE had the ids of MISSING, from a preview with a file beside it."""
    with tempfile.TemporaryDirectory() as folder:
        with_ids = Path(folder) / file.path.name
        with_ids.write_text(file.with_additions([], missing).text, encoding="utf-8")
        return imports_in(_previewed(stack, "--config-file", str(with_ids)))


def _previewed(stack: LockedStack, *arguments: str) -> Mapping[str, Any]:
    plan, errors = stack.preview(*arguments)
    if errors:
        raise CloudError(
            "pulumi preview fails, so that nobody knows what the stack file declares; mend that, then repeat this. "
            "What was being created is still pending. It says:\n" + "\n".join(errors)
        )
    return plan


def _undeclared(stack: str, operation: Pending) -> str:
    kind, name = operation.type.rpartition(":")[2], operation.name
    return (
        f"{kind} {name} was being created, and {path_of(stack)} no longer declares it: put its entry back and repeat "
        f"this, then run `make up STACK={stack}` once before you take it out. Or see that the cloud has no such thing, "
        f"then `pulumi refresh --stack {stack} --clear-pending-creates`"
    )
