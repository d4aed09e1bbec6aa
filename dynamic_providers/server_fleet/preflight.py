"""Whether Nova could make the servers at all: asked as the fleet's own account, all problems at once, before any is touched."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from openstack.connection import Connection

from clients.errors import CloudError
from clients.openstack import answered
from dynamic_providers.server_fleet.declared import ServerFleetArgs
from dynamic_providers.server_fleet.plan import MAKING, Action, Step

_UNLIMITED = -1


def check(own: Connection, args: ServerFleetArgs, steps: Sequence[Step]) -> None:
    """Refuse STEPS that cannot be carried out.

    Addresses need no look: the ports, which come first, have theirs.

    Raises:
        CloudError: with a sentence for each problem; nothing was changed.
    """
    if not any(step.action in MAKING for step in steps):
        return
    problems = [*_image(own, args), *_flavor(own, args), *_quota(own, args, steps)]
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise CloudError(f"fleet {args.name!r} is left as it is:{lines}")


def _image(own: Connection, args: ServerFleetArgs) -> Iterator[str]:
    answer = own.image.get(f"/images/{args.image_id}")
    if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
        yield (
            f"its project does not see image {args.image_id}; give the image `visibility: community` or `public`, or share "
            "it with the project"
        )
        return
    image = answered(answer, "Glance", f"show image {args.image_id}")
    if image["status"] != "active":
        yield f"image {image['name']!r} is {image['status']}, and Nova makes servers of active ones only"
    if image["disk_format"] != "raw":
        yield f"image {image['name']!r} is {image['disk_format']}, which Nova copies and converts; Ceph clones raw ones"
    flavor = args.wanted.flavor
    if image["min_ram"] > flavor.ram_mb:
        yield f"image {image['name']!r} asks for {image['min_ram']} MiB of memory, and flavor {flavor.name!r} has {flavor.ram_mb}"
    if flavor.disk_gb and image["min_disk"] > flavor.disk_gb:
        yield f"image {image['name']!r} asks for {image['min_disk']} GB of disk, and flavor {flavor.name!r} has {flavor.disk_gb}"


def _flavor(own: Connection, args: ServerFleetArgs) -> Iterator[str]:
    answer = own.compute.get(f"/flavors/{args.flavor_id}")
    if answer.status_code == HTTPStatus.NOT_FOUND:
        yield f"its project may not use flavor {args.wanted.flavor.name!r}; add it to that flavor's projects"


def _quota(own: Connection, args: ServerFleetArgs, steps: Sequence[Step]) -> Iterator[str]:
    new = sum(step.action is Action.CREATE for step in steps)
    going = sum(step.action is Action.DELETE for step in steps)
    if new <= going:
        return
    limits: dict[str, Any] = answered(own.compute.get("/limits"), "Nova", "tell the project's quota")
    found = limits["limits"]["absolute"]
    more, flavor = new - going, args.wanted.flavor
    for what, limit, used, each in (
        ("instances", "maxTotalInstances", "totalInstancesUsed", 1),
        ("cores", "maxTotalCores", "totalCoresUsed", flavor.vcpus),
        ("MiB of memory", "maxTotalRAMSize", "totalRAMUsed", flavor.ram_mb),
    ):
        if found[limit] != _UNLIMITED and found[used] + more * each > found[limit]:
            yield (
                f"{more} more servers need {more * each} {what}, and the project has {found[limit] - found[used]} of its "
                f"{found[limit]} left; raise its quota, or lower count"
            )
