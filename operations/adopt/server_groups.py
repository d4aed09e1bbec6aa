"""Server groups of a running cloud, as stack-file entries."""

from collections.abc import Iterator
from typing import Any

from openstack.compute.v2.server_group import ServerGroup

from operations.adopt.found import Found, LeftOut, Wanted, known_projects
from operations.adopt.live import Live
from operations.stack_file.entry import Entry, MissingId


def server_groups(live: Live, wanted: Wanted, entries: list[Entry]) -> Iterator[Found]:
    """All groups of projects that the stack file knows, ENTRIES added."""
    declared = {spec.qualified_name: index for index, spec in enumerate(wanted.settings.server_groups)}
    known = known_projects(wanted.settings, entries)
    names = [_qualified(group, live) for group in live.server_groups]
    for group in live.server_groups:
        name = _qualified(group, live)
        title = f"server group {name!r}"
        if group.id in wanted.managed or not wanted.named(group.name):
            continue
        if names.count(name) > 1:
            yield LeftOut(
                title,
                f"several server groups of this project have this name; delete the others of {group.id}",
            )
        elif name in declared:
            yield MissingId(("server_groups", declared[name]), title, group.id)
        elif live.project_name(group.project_id) not in known:
            yield LeftOut(title, "the stack file does not know the project")
        else:
            yield _entry(group, title, live)


def _entry(group: ServerGroup, title: str, live: Live) -> Entry:
    project, _, domain = live.project_name(group.project_id).rpartition("@")
    values: dict[str, Any] = {
        "name": group.name,
        "adopt": group.id,
        "project": project,
        "domain": domain,
        "policy": group.policy,
    }
    if limit := (group.rules or {}).get("max_server_per_host"):
        values["max_server_per_host"] = limit
    return Entry("server_groups", title, values)


def _qualified(group: ServerGroup, live: Live) -> str:
    return f"{live.project_name(group.project_id)}/{group.name}"
