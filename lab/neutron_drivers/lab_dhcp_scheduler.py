"""Neutron's scheduler of networks to DHCP agents, with one zone that serves only networks which ask for it.

Most of the lab's DHCP agents are fake and cost nothing; those on lab-qemu start dnsmasq. A network without an availability
zone hint gets one of the others. Neutron's `default_availability_zones` would do that too, but holds for routers as well,
and is stored as if the network had asked (docs/adr/0042-lab-qemu-in-every-lab.md).

Neutron's API and its RPC server load it by PYTHONPATH; never imported by the lab.
"""

from __future__ import annotations

import os
from typing import Any

from neutron.scheduler import dhcp_agent_scheduler

ZONE = os.environ["LAB_ZONE_BY_HINT"]


class Filter(dhcp_agent_scheduler.DhcpFilter):  # type: ignore[misc]
    """Which agents may serve a network."""

    def filter_agents(self, plugin: Any, context: Any, network: Any) -> dict[str, Any]:
        """Leave out those in the zone, unless the network has hints: then Neutron has looked at these."""
        found: dict[str, Any] = super().filter_agents(plugin, context, network)
        if network.get("availability_zone_hints"):
            return found
        others = [agent for agent in found["hostable_agents"] if agent["availability_zone"] != ZONE]
        return found | {"hostable_agents": others, "n_agents": min(found["n_agents"], len(others))}


class Scheduler(dhcp_agent_scheduler.AZAwareWeightScheduler):  # type: ignore[misc]
    """As Neutron's own, but for that filter."""

    def __init__(self) -> None:
        super().__init__()
        self.resource_filter = Filter()

    def auto_schedule_networks(self, plugin: Any, context: Any, host: Any) -> bool:  # noqa: ARG002 - Neutron's
        """Have an agent that starts take no network: it would not ask the filter. The network's next port does."""
        return False
