"""Groups that belong to a project, security groups and server groups: which of a running cloud are adopted."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from openstack.compute.v2.server_group import ServerGroup
from openstack.network.v2.security_group import SecurityGroup

from operations.adopt.found import Found, LeftOut, Wanted, known_projects
from operations.adopt.live import Live
from operations.stack_file.entry import Entry, MissingId

Group = TypeVar("Group", SecurityGroup, ServerGroup)


def groups_of_projects(
    kind: str,
    groups: Sequence[Group],
    live: Live,
    wanted: Wanted,
    entries: list[Entry],
    *,
    cure: str,
    entry: Callable[[Group, str, Live], Found],
) -> Iterator[Found]:
    """What of GROUPS, of a KIND that has a section of the stack file, is adopted.

    ENTRY is of a group, its title and the cloud; CURE, with the id put in, is for groups of which several have a name.
    """
    section = f"{kind.replace(' ', '_')}s"
    specs: Sequence[Any] = getattr(wanted.settings, section)
    declared = {spec.qualified_name: index for index, spec in enumerate(specs)}
    known = known_projects(wanted.settings, entries)
    named = [(f"{live.project_name(group.project_id)}/{group.name}", group) for group in groups]
    names = [name for name, _ in named]
    managed = {name for name, group in named if group.id in wanted.managed}
    for name, group in named:
        title = f"{kind} {name!r}"
        if group.id in wanted.managed or not wanted.named(group.name):
            continue
        if names.count(name) > 1:
            reason = f"several {kind}s of this project have this name; {cure.format(id=group.id)}"
            yield LeftOut(title, reason, declared=name in declared and name not in managed)
        elif name in declared:
            yield MissingId((section, declared[name]), title, group.id)
        elif live.project_name(group.project_id) not in known:
            yield LeftOut(title, "the stack file does not know the project")
        else:
            yield entry(group, title, live)
