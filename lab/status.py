"""The table of services: version, address, health, memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab import bring_up, processes, secret
from lab.daemon import Daemon, UnhealthyError
from lab.supervisor import STARTED, Supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.settings import Lab


@dataclass(frozen=True)
class Row:
    """One daemon's line."""

    service: str
    version: str
    address: str
    health: str
    memory: int
    healthy: bool


def describe(daemon: Daemon, state: Mapping[str, Any] | None) -> Row:
    """Ask one daemon."""
    memory = 0
    if state is None or state["statename"] not in STARTED:
        health, healthy = "not running" if state is None else state["statename"].lower(), False
    else:
        try:
            health, healthy = daemon.check(), True
        except UnhealthyError as problem:
            health, healthy = f"unhealthy: {str(problem).splitlines()[0]}", False
        own = {*processes.in_group(int(state["pid"])), *daemon.elsewhere()}
        memory = sum(processes.memory(pid) for pid in own)
    return Row(daemon.name, daemon.version(), daemon.address, health, memory, healthy)


def rows(lab: Lab) -> list[Row]:
    """Ask every daemon, side by side."""
    lab.link()  # after a reboot or `down` it is gone
    daemons = bring_up.all_daemons(lab, secret.load(lab))
    states = Supervisor(lab).states()
    with ThreadPoolExecutor(len(daemons)) as pool:
        return list(pool.map(lambda daemon: describe(daemon, states.get(daemon.name)), daemons))


def table(found: Sequence[Row]) -> str:
    """Render the rows as people read them."""
    lines = [("service", "version", "address", "health", "memory")]
    lines += [(r.service, r.version, r.address, r.health, f"{r.memory // 1024**2} MiB") for r in found]
    total = sum(row.memory for row in found) // 1024**2
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    shown = [
        "  ".join(
            [
                *(cell.ljust(width) for cell, width in zip(line, widths, strict=False)),
                line[4].rjust(9),
                line[3],
            ]
        )
        for line in lines
    ]
    healthy = sum(row.healthy for row in found)
    return "\n".join([*shown, f"{healthy} of {len(found)} healthy, {total} MiB of memory in all"])
