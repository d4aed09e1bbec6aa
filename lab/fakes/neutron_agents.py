"""FAKE Neutron agents: they report to the real Neutron over the real broker, and do nothing else.

An Open vSwitch agent on the compute host, so that ports bind there, and one more beside a DHCP agent in each of two
availability zones, so that networks may ask for a zone. What they report has the shape that the agents of Neutron 29 give it
(`neutron/agent/dhcp/agent.py`, `.../openvswitch/agent/ovs_neutron_agent.py`).

What they do not prove: that a frame passes, that a VLAN is where it should be, that a security group filters, that
anybody gets an address by DHCP, or how Neutron fares when an agent fails. A bound port stays DOWN: nobody wires it.

Run as a program, with Neutron's own options (`--config-file`); never imported by the lab.
"""

from __future__ import annotations

import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

INTERVAL = 10  # seconds; real agents report every 30, and Neutron calls one down after 75 s of silence
ZONES = ("rack-1", "rack-2")


def switch_agent(host: str) -> dict[str, Any]:
    """Describe an Open vSwitch agent as it describes itself."""
    return {
        "binary": "neutron-openvswitch-agent",
        "host": host,
        "topic": "N/A",
        "configurations": {
            "bridge_mappings": {"physnet1": "br-physnet1"},
            "integration_bridge": "br-int",
            "tunnel_types": [],
            "datapath_type": "system",
            "ovs_hybrid_plug": False,
        },
        "agent_type": "Open vSwitch agent",
    }


def dhcp_agent(host: str, zone: str) -> dict[str, Any]:
    """Describe a DHCP agent as it describes itself."""
    return {
        "binary": "neutron-dhcp-agent",
        "host": host,
        "availability_zone": zone,
        "topic": "dhcp_agent",
        "configurations": {"dhcp_driver": "neutron.agent.linux.dhcp.Dnsmasq", "networks": 0},
        "agent_type": "DHCP agent",
    }


def agents(compute_host: str) -> list[dict[str, Any]]:
    """List all agents: Neutron schedules a network to a DHCP agent only if the host's switch reaches that network."""
    found = [switch_agent(compute_host)]
    for zone in ZONES:
        found += [switch_agent(f"{zone}-network"), dhcp_agent(f"{zone}-network", zone)]
    return found


def main() -> None:
    """Report for every agent, again and again; the first report says that it starts."""
    import oslo_messaging  # noqa: PLC0415 - only the lab's venv has these
    from neutron.common import config  # noqa: PLC0415
    from neutron_lib import context, rpc  # noqa: PLC0415
    from oslo_config import cfg  # noqa: PLC0415

    config.register_common_config_options()
    config.init(sys.argv[1:])
    config.setup_logging()
    target = oslo_messaging.Target(topic="q-reports-plugin", version="1.4")
    client = rpc.get_client(target).prepare(timeout=INTERVAL)
    everybody = agents(cfg.CONF.host)
    for agent in everybody:
        agent["start_flag"] = True
    while True:
        for agent in everybody:
            state = {"agent_state": agent | {"uuid": str(uuid.uuid4())}}
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
            client.call(
                context.get_admin_context_without_session(), "report_state", agent_state=state, time=now
            )
            agent.pop("start_flag", None)
        time.sleep(INTERVAL)


if __name__ == "__main__":
    main()
