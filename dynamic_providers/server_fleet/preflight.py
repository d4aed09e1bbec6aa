"""Whether Nova could make the servers at all: all problems at once, before any is touched.

What is the project's is asked as the fleet's own account; whether the hosts have room, as the stack's.
"""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from clients.errors import CloudError
from clients.openstack import answered
from dynamic_providers.server_fleet.declared import ServerFleetArgs
from dynamic_providers.server_fleet.nova import MICROVERSION, Nova
from dynamic_providers.server_fleet.plan import MAKING, Action, Step

if TYPE_CHECKING:
    from openstack.connection import Connection

_UNLIMITED = -1
_PLACEMENT = "1.22"  # forbidden traits
_MOST_HOSTS = "1000"
_NOT_JUDGED = ("resources", "hw:cpu_policy", "hw:mem_page_size", "pci_passthrough")
"""Extra specs with which a server takes something else of its host than the flavor's three numbers."""


def check(nova: Nova, steps: Sequence[Step]) -> None:
    """Refuse STEPS that cannot be carried out.

    Addresses need no look: the ports, which come first, have theirs.

    Raises:
        CloudError: with a sentence for each problem; nothing was changed.
    """
    if not any(step.action in MAKING for step in steps):
        return
    own, args = nova.own, nova.args
    more = sum({Action.CREATE: 1, Action.DELETE: -1}.get(step.action, 0) for step in steps)
    problems = [*_image(own, args), *_flavor(nova, more), *_quota(own, args, steps)]
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise CloudError(f"fleet {args.name!r} is left as it is:{lines}")


def _image(own: "Connection", args: ServerFleetArgs) -> Iterator[str]:
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


def _flavor(nova: Nova, more: int) -> Iterator[str]:
    name = nova.args.wanted.flavor.name
    answer = nova.own.compute.get(f"/flavors/{nova.args.flavor_id}", microversion=MICROVERSION)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        yield f"its project may not use flavor {name!r}; add it to that flavor's projects"
        return
    flavor = answered(answer, "Nova", f"show flavor {name!r}")["flavor"]
    extra_specs: dict[str, str] = flavor.get("extra_specs") or {}
    if more > 0 and not any(key.startswith(_NOT_JUDGED) for key in extra_specs):
        yield from _room(nova.admin, nova.args, extra_specs, more)


def _room(
    admin: "Connection", args: ServerFleetArgs, extra_specs: dict[str, str], more: int
) -> Iterator[str]:
    """What Placement says; the scheduler may find less, by its filters."""
    flavor = args.wanted.flavor
    needs = {"VCPU": flavor.vcpus, "MEMORY_MB": flavor.ram_mb, "DISK_GB": flavor.disk_gb}
    needs = {what: number for what, number in needs.items() if number}
    signs = {"required": "", "forbidden": "!"}
    traits = [
        signs[value] + key.removeprefix("trait:")
        for key, value in extra_specs.items()
        if key.startswith("trait:")
    ]
    answer = admin.placement.get(
        "/allocation_candidates",
        params={
            "resources": ",".join(f"{what}:{number}" for what, number in needs.items()),
            "required": ",".join([*traits, "!COMPUTE_STATUS_DISABLED"]),
            "limit": _MOST_HOSTS,
        },
        microversion=_PLACEMENT,
    )
    hosts = answered(answer, "Placement", "tell which hosts have room")["provider_summaries"].values()
    room = sum(
        min(
            (one["capacity"] - one["used"]) // needs[what]
            for what, one in host["resources"].items()
            if what in needs
        )
        for host in hosts
    )
    if room < more:
        size = f"{flavor.vcpus} vCPU, {flavor.ram_mb} MiB, {flavor.disk_gb} GiB"
        yield (
            f"{more} more servers of flavor {flavor.name!r} ({size}) are wanted, and the hosts that fit it have room for "
            f"{room}; lower count, or make room"
        )


def _quota(own: "Connection", args: ServerFleetArgs, steps: Sequence[Step]) -> Iterator[str]:
    """What is lacking for those that are made, less what those give back that go."""
    coming = [args.wanted.flavor for step in steps if step.action in {Action.CREATE, Action.REPLACE}]
    if not coming:
        return
    goes = {Action.DELETE, Action.REPLACE}
    going = [step.server.flavor for step in steps if step.action in goes and step.server]
    limits: dict[str, Any] = answered(own.compute.get("/limits"), "Nova", "tell the project's quota")
    found = limits["limits"]["absolute"]
    for what, limit, used, each in (
        ("instances", "maxTotalInstances", "totalInstancesUsed", lambda _: 1),
        ("cores", "maxTotalCores", "totalCoresUsed", attrgetter("vcpus")),
        ("MiB of memory", "maxTotalRAMSize", "totalRAMUsed", attrgetter("ram_mb")),
    ):
        more = sum(map(each, coming)) - sum(map(each, going))
        left = found[limit] - found[used]
        if more > max(left, 0) and found[limit] != _UNLIMITED:
            yield (
                f"its servers need {more} more {what}, and the project has {left} of its {found[limit]} left; raise its "
                "quota, or lower count"
            )
