"""Which projects may use something: a network's shares, and the projects of a flavor."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from config.errors.issues import KeyPath
from config.network import ProjectReference
from operations.adopt.found import Found, LeftOut, Wanted
from operations.stack_file.entry import MissingId

Access = Iterable[tuple[str, str]]
"""PROJECT@DOMAIN, and the id under which that project's access is imported."""


def missing_ids(
    access: Access,
    declared: Sequence[ProjectReference],
    path: KeyPath,
    wanted: Wanted,
    *,
    kind: str,
    titled: Callable[[str], str],
) -> Iterator[Found]:
    """The ids of ACCESS that the DECLARED entries at PATH, of a KIND of thing, lack; TITLED is by PROJECT@DOMAIN."""
    numbers = {reference.qualified_name: number for number, reference in enumerate(declared)}
    for qualified_name, id_ in access:
        if id_ in wanted.managed:
            continue
        title = titled(qualified_name)
        if qualified_name in numbers:
            yield MissingId((*path, numbers[qualified_name]), title, id_)
        else:
            yield LeftOut(title, f"its {kind} is declared already; declare it there with adopt: {id_}")


def entries(
    access: Access, known: set[str], titled: Callable[[str], str]
) -> tuple[list[dict[str, Any]], list[LeftOut]]:
    """ACCESS as a stack file has it, and what of it is for projects that are not KNOWN there."""
    written, left_out = [], []
    for qualified_name, id_ in access:
        project, _, domain = qualified_name.rpartition("@")
        if qualified_name in known:
            written.append({"project": project, "domain": domain, "adopt": id_})
        else:
            left_out.append(LeftOut(titled(qualified_name), "the stack file does not know the project"))
    return written, left_out
