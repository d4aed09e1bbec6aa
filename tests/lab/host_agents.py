"""FAKE Neutron agents of one host, as in lab/fakes: they report, and accept routers.

Run by the Python of the lab's programs with Neutron's own options; standard input is a JSON list of the agents,
as they describe themselves. They report until the process is ended.
"""

import json
import sys
import time
import uuid
from datetime import UTC, datetime

INTERVAL = 5


class NoOpL3Agent:
    """No-op RPC endpoints of a fake L3 agent; Neutron waits for the answer of one of them."""

    def router_added_to_agent(self, _context: object, **_arguments: object) -> None:
        """Accept; Neutron schedules a router only on an agent that answers."""

    agent_updated = routers_updated = router_removed_from_agent = router_added_to_agent
    router_deleted = add_arp_entry = del_arp_entry = router_added_to_agent


def main() -> None:
    """Report for every agent, in a loop."""
    import oslo_messaging  # noqa: PLC0415 - only the lab's venv has these
    from neutron.common import config  # noqa: PLC0415
    from neutron_lib import context, rpc  # noqa: PLC0415

    agents = json.load(sys.stdin)
    config.register_common_config_options()
    config.init(sys.argv[1:])
    client = rpc.get_client(oslo_messaging.Target(topic="q-reports-plugin", version="1.4")).prepare(
        timeout=10
    )
    for agent in agents:
        if agent["topic"] == "l3_agent":
            target = oslo_messaging.Target(topic="l3_agent", server=agent["host"], version="1.4")
            rpc.get_server(target, [NoOpL3Agent()]).start()
    while True:
        for agent in agents:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
            state = {"agent_state": {**agent, "uuid": str(uuid.uuid4())}}
            client.call(
                context.get_admin_context_without_session(), "report_state", agent_state=state, time=now
            )
        time.sleep(INTERVAL)


if __name__ == "__main__":
    main()
