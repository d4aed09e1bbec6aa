"""Flavors of a running cloud, and which projects may use them, as stack-file entries."""

from collections.abc import Iterator
from typing import Any

from openstack.compute.v2.flavor import Flavor

from operations.adopt import project_access
from operations.adopt.found import Found, LeftOut, Wanted, known_projects
from operations.adopt.live import Live
from operations.stack_file.entry import Entry, MissingId


def flavors(live: Live, wanted: Wanted, entries: list[Entry]) -> Iterator[Found]:
    """All flavors; their access only for projects that the stack file knows, ENTRIES added."""
    declared = {spec.name: index for index, spec in enumerate(wanted.settings.flavors)}
    known = known_projects(wanted.settings, entries)
    for flavor in live.flavors:
        if not wanted.named(flavor.name):
            continue
        if flavor.name in declared:
            yield from _missing_ids(flavor, declared[flavor.name], live, wanted)
        elif flavor.id not in wanted.managed:
            yield from _flavor(flavor, live, known)


def _missing_ids(flavor: Flavor, index: int, live: Live, wanted: Wanted) -> Iterator[Found]:
    title = f"flavor {flavor.name!r}"
    if flavor.id not in wanted.managed:
        yield MissingId(("flavors", index), title, flavor.id)
    yield from project_access.missing_ids(
        _access(flavor, live),
        wanted.settings.flavors[index].projects,
        ("flavors", index, "projects"),
        wanted,
        kind="flavor",
        titled=lambda project: f"{title} for project {project!r}",
    )


def _flavor(flavor: Flavor, live: Live, known: set[str]) -> Iterator[Found]:
    title = f"flavor {flavor.name!r}"
    if flavor.is_disabled:
        yield LeftOut(title, "it is disabled, which the stack file does not know")
        return
    if flavor.rxtx_factor not in {None, 1.0}:
        yield LeftOut(title, "it has an RX/TX factor, which the stack file does not know")
        return
    projects, left_out = project_access.entries(
        _access(flavor, live), known, lambda project: f"{title} for project {project!r}"
    )
    yield from left_out
    values: dict[str, Any] = {
        "name": flavor.name,
        "adopt": flavor.id,
        "description": flavor.description or "",
        "vcpus": flavor.vcpus,
        "ram_mb": flavor.ram,
        "disk_gb": flavor.disk,
        "ephemeral_gb": flavor.ephemeral,
        "swap_mb": flavor.swap,
        "extra_specs": dict(flavor.extra_specs or {}),
        "public": bool(flavor.is_public),
        "projects": projects,
    }
    yield Entry("flavors", title, values)


def _access(flavor: Flavor, live: Live) -> Iterator[tuple[str, str]]:
    """PROJECT@DOMAIN and the import id for each project that may use FLAVOR, which is not public."""
    for project_id in live.flavor_projects(flavor):
        yield live.project_name(project_id), f"{flavor.id}/{project_id}"
