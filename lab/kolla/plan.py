"""The steps that make the lab ready for Kolla-Ansible, once there are simulated hosts."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.hosts import plan as hosts
from lab.kolla import agents, configdir, db_proxy
from lab.registry import service as registry
from lab.steps import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab
    from lab.supervisor import Supervisor


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List what runs for Kolla; nothing without hosts."""
    found = hosts.hosts(lab)
    if not found:
        return ()
    return (*registry.daemons(lab), *db_proxy.daemons(lab), *agents.daemons(lab, secrets, found))


def steps(lab: Lab, secrets: Mapping[str, str], supervisor: Supervisor) -> list[Step]:
    """List every step; all are safe to repeat."""
    found = hosts.hosts(lab)
    if not found:
        return []
    by_name = {each.name: each for each in daemons(lab, secrets)}

    def start(name: str, *needs: str) -> Step:
        return Step(
            f"{name} runs", functools.partial(supervisor.ensure, by_name[name]), ("supervisor", *needs)
        )

    return [
        # This machine's address on the hosts' network comes with the links.
        start(registry.NAME, hosts.LINKS),
        Step("fake images", functools.partial(registry.fill, lab), (f"{registry.NAME} runs",)),
        start(db_proxy.NAME, hosts.LINKS, "mariadb runs"),
        Step("kolla's folder", functools.partial(configdir.make, lab, secrets)),
        Step("host agents' data", functools.partial(agents.prepare, lab, found)),
        start(agents.NAME, "host agents' data", "neutron-rpc runs", "nova-conductor runs", "placement runs"),
    ]
