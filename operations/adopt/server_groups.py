"""Server groups of a running cloud, as stack-file entries."""

from collections.abc import Iterator
from typing import Any

from openstack.compute.v2.server_group import ServerGroup

from operations.adopt.found import Found, Wanted
from operations.adopt.live import Live
from operations.adopt.project_groups import groups_of_projects
from operations.stack_file.entry import Entry


def server_groups(live: Live, wanted: Wanted, entries: list[Entry]) -> Iterator[Found]:
    """All groups of projects that the stack file knows, ENTRIES added."""
    yield from groups_of_projects(
        "server group",
        live.server_groups,
        live,
        wanted,
        entries,
        cure="delete the others of {id}",
        entry=_entry,
    )


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
