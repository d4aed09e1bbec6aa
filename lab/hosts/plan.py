"""The steps that bring the simulated hosts up, for the lab's `up`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.hosts import count, daemon, fabric, host, keys, layer, record, removal, root
from lab.settings import LabError
from lab.steps import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.daemon import Daemon
    from lab.hosts.fabric import Cabled
    from lab.hosts.host import SimulatedHost
    from lab.settings import Lab
    from lab.supervisor import Supervisor

ROOT, LINKS, DATABASE, PORTS = "hosts' root", "hosts' links", "switches' database", "switches' ports"
RECORD, GONE = "hosts' record", "hosts that are gone"


def hosts(lab: Lab) -> tuple[SimulatedHost, ...]:
    """List the hosts on record."""
    return host.every(lab, count.recorded(lab))


def daemons(lab: Lab, others: Sequence[Cabled] = ()) -> tuple[Daemon, ...]:
    """List the switches and what runs for the hosts on record; nothing where nothing hangs on the switches.

    Args:
        lab: The lab.
        others: What hangs on the switches besides the hosts on record.
    """
    found = hosts(lab)
    return (*fabric.daemons(lab), *(daemon.of(each) for each in found)) if (*found, *others) else ()


def make(each: SimulatedHost) -> None:
    """Have a host's own files and disks; its disks keep what is on them."""
    for disk, size in each.disks.items():
        disk.parent.mkdir(parents=True, exist_ok=True)
        if not disk.exists():
            with disk.open("wb") as handle:
                handle.truncate(size)
    layer.render(each)


def make_keys(lab: Lab) -> None:
    """Create the login's key and each host's, and the records that contain them."""
    log = lab.log / "make-hosts.log"
    keys.make(keys.login_key(lab), "lab", log)
    for each in hosts(lab):
        keys.make(keys.host_key(each), each.name, log)
    record.write(lab, hosts(lab))


def forget(lab: Lab) -> None:
    """Remove all hosts there ever were, with all they had."""
    removal.remove_others(lab, ())
    record.path(lab).unlink(missing_ok=True)


def reinstall(lab: Lab, supervisor: Supervisor, name: str) -> None:
    """Stop a host, delete everything it has written, also to its disks, and boot it, as after an installation.

    Raises:
        LabError: There is no such host, or it does not come up.
    """
    known = {each.name: each for each in hosts(lab)}
    if name not in known or not supervisor.answers():
        there = ", ".join(known) or "none"
        raise LabError(f"{name} is no host of this lab that is up; its hosts are: {there}.")
    supervisor.stop(name)
    removal.empty(known[name])
    make(known[name])
    supervisor.ensure(daemon.of(known[name]))


def steps(lab: Lab, supervisor: Supervisor, others: Sequence[Cabled] = ()) -> list[Step]:
    """List every step; all are safe to repeat.

    Args:
        lab: The lab.
        supervisor: Runs the switches and the hosts.
        others: What hangs on the switches besides the hosts on record.
    """
    found = hosts(lab)
    if not (*found, *others):
        gone = Step(GONE, functools.partial(forget, lab), ("supervisor",))
        return [gone, Step("switches that are gone", functools.partial(removal.remove, lab), (GONE,))]
    by_name = {each.name: each for each in daemons(lab, others)}

    def start(name: str, *needs: str) -> Step:
        return Step(
            f"{name} runs", functools.partial(supervisor.ensure, by_name[name]), ("supervisor", *needs)
        )

    switches = [
        Step(LINKS, functools.partial(fabric.lay_links, lab, (*found, *others))),
        Step(DATABASE, functools.partial(fabric.make_database, lab)),
        start(fabric.DATABASE, DATABASE, LINKS),
        start(fabric.SWITCHING, f"{fabric.DATABASE} runs"),
        Step(
            PORTS,
            functools.partial(fabric.add_ports, lab, (*found, *others)),
            (f"{fabric.SWITCHING} runs",),
        ),
    ]
    if not found:
        return [*switches, Step(GONE, functools.partial(forget, lab), ("supervisor", PORTS))]
    return [
        *switches,
        Step(ROOT, functools.partial(root.ensure, lab)),
        Step(GONE, functools.partial(removal.remove_others, lab, found), ("supervisor",)),
        Step(RECORD, functools.partial(make_keys, lab)),
        *(Step(f"{each.name}'s files", functools.partial(make, each), (RECORD,)) for each in found),
        *(start(each.name, f"{each.name}'s files", ROOT, PORTS) for each in found),
        Step(
            "hosts' former roots",
            functools.partial(root.remove_former, lab),
            tuple(f"{each.name} runs" for each in found),
        ),
    ]
