"""The steps that bring lab-qemu up, for the lab's `up`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.guest import image as guest
from lab.hosts import plan as hosts
from lab.qemu import agents, compute, libvirt, namespaces, network
from lab.qemu.host import NAME, QemuHost
from lab.qemu.preflight import lacking
from lab.services import glance
from lab.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab
    from lab.supervisor import Supervisor

APART, SERVICES, BOND, AGGREGATE = (
    f"{NAME}'s namespaces",
    f"{NAME}'s services link",
    f"{NAME}'s bond",
    f"{NAME}'s aggregate",
)


def cabled(lab: Lab) -> tuple[QemuHost, ...]:
    """List what hangs on the switches: the host, if this machine lacks nothing for it."""
    return () if lacking(lab) else (QemuHost(lab),)


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List what runs for the host; nothing where it cannot be."""
    if not cabled(lab):
        return ()
    return (
        *glance.internal_daemons(lab, secrets),
        *network.daemons(lab),
        *libvirt.daemons(lab, secrets),
        *compute.daemons(lab, secrets),
        *agents.daemons(lab, secrets),
    )


def remove(lab: Lab) -> None:
    """Remove the host, and what runs on it, after its daemons have ended."""
    if QemuHost(lab).folder.exists():  # this machine may not even have the programs
        namespaces.remove(lab)
        namespaces.remove_links(lab)


def prepare(lab: Lab) -> None:
    """Make the folders and namespaces."""
    libvirt.prepare(lab)
    compute.prepare(lab)
    agents.prepare(lab)
    network.make_database(lab)
    namespaces.make(lab)


def steps(
    lab: Lab, secrets: Mapping[str, str], supervisor: Supervisor, discover: Callable[[], None]
) -> list[Step]:
    """List every step; all are safe to repeat.

    Args:
        lab: The lab.
        secrets: Every secret by name.
        supervisor: Runs the host's daemons.
        discover: Has Nova's cell take the host in, once.
    """
    if not cabled(lab):
        return [Step(f"{NAME} that is gone", functools.partial(remove, lab), ("supervisor",))]
    by_name = {each.name: each for each in daemons(lab, secrets)}

    def start(name: str, *needs: str) -> Step:
        return Step(
            f"{name} runs", functools.partial(supervisor.ensure, by_name[name]), ("supervisor", *needs)
        )

    return [
        Step("tiny guest image", functools.partial(guest.ensure, lab)),
        start(glance.INTERNAL, "glance's tables", "ceph's pools"),
        Step(APART, functools.partial(prepare, lab), (hosts.LINKS,)),
        Step(SERVICES, functools.partial(namespaces.lay_services_link, lab), (hosts.LINKS,)),
        start(network.DATABASE, APART),
        start(network.SWITCHING, f"{network.DATABASE} runs"),
        Step(BOND, functools.partial(network.make_bond, lab), (f"{network.SWITCHING} runs",)),
        start(libvirt.NAME, APART, SERVICES),
        start(agents.SWITCH, BOND, SERVICES, "neutron-rpc runs"),
        # Beside the switch's agent, whose bridge it asks for again until it is there.
        start(agents.DHCP, BOND, SERVICES, "neutron-rpc runs"),
        start(
            compute.DAEMON,
            *(f"{libvirt.NAME} runs", BOND, "ceph's pools", "nova-conductor runs", "placement runs"),
        ),
        Step(f"{NAME} in its cell", discover, (f"{compute.DAEMON} runs",)),
        Step(
            AGGREGATE,
            functools.partial(compute.keep_for_those_who_ask, lab),
            (f"{NAME} in its cell", "nova runs"),
        ),
    ]
