"""Neutron: VLAN and flat provider networks on one physical network; its API and its RPC server are real.

Its agents are fake (`lab/fakes/neutron_agents.py` says what they prove): they only send reports. Those of the compute
host lab-qemu are real (`lab/qemu/agents.py`); there Nova waits for the event that a port is plugged.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.daemon import Daemon, UnhealthyError
from lab.fakes import neutron_agents
from lab.services import api, mariadb, rabbitmq, report
from lab.settings import HOST, PHYSICAL_NETWORK, VLAN_RANGE, ZONE_BY_HINT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.settings import Lab

AGENTS = "fake-neutron-agents"
SCHEDULER = Path(__file__).parents[1] / "neutron_drivers" / "lab_dhcp_scheduler.py"


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render neutron.conf and ml2.conf."""
    first, last = VLAN_RANGE
    data = lab.data / "neutron"
    main: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "use_stderr": True,
            "core_plugin": "ml2",
            "service_plugins": "qos,router",
            "transport_url": rabbitmq.url(lab, secrets, "neutron"),
            "rpc_workers": 1,
            "rpc_state_report_workers": 0,
            "host": HOST,
            "network_scheduler_driver": f"{SCHEDULER.stem}.Scheduler",
            "api_paste_config": lab.programs / "etc" / "neutron" / "api-paste.ini",
            "state_path": data,
            "notify_nova_on_port_status_changes": True,
            "notify_nova_on_port_data_changes": False,
        },
        "nova": api.login(lab, secrets, "neutron"),
        "database": {"connection": mariadb.connection(lab, secrets, "neutron")},
        "keystone_authtoken": api.token_checks(lab, secrets, "neutron"),
        "oslo_concurrency": {"lock_path": data / "locks"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
    ml2: dict[str, dict[str, object]] = {
        "ml2": {
            "type_drivers": "vlan,flat",
            "tenant_network_types": "vlan",
            "mechanism_drivers": "openvswitch",
            "extension_drivers": "port_security,qos,dns",
        },
        "ml2_type_vlan": {"network_vlan_ranges": f"{PHYSICAL_NETWORK}:{first}:{last}"},
        "ml2_type_flat": {"flat_networks": PHYSICAL_NETWORK},
    }
    folder = lab.etc / "neutron"
    return (File(folder / "neutron.conf", ini(main)), File(folder / "ml2.conf", ini(ml2)))


def make_tables(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Bring the tables to the installed version, and make the folders."""
    (lab.data / "neutron" / "locks").mkdir(parents=True, exist_ok=True)
    api.manage(lab, "neutron", "neutron-db-manage", ["upgrade", "heads"], files(lab, secrets))


def agent_files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render what the agents need: the broker, no database."""
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "use_stderr": True,
            "host": HOST,
            "state_path": lab.data / "neutron",
            "transport_url": rabbitmq.url(lab, secrets, "neutron"),
        },
        "oslo_messaging_notifications": {"driver": "noop"},
    }
    return (File(lab.etc / "neutron" / "agents.conf", ini(sections)),)


def agents_health(lab: Lab) -> str:
    """Check in Neutron's own table that each of these agents has reported; the hosts' agents are not among them."""
    ours = neutron_agents.agents(HOST)
    hosts = ", ".join(f"'{host}'" for host in sorted({agent["host"] for agent in ours}))
    rows = f"FROM neutron.agents WHERE host IN ({hosts})"
    known = int(mariadb.ask(lab, f"SELECT COUNT(*) {rows}"))
    if known < len(ours):
        raise UnhealthyError(f"{known} of {len(ours)} agents have reported")
    return report.fresh(lab, AGENTS, "heartbeat_timestamp", rows)


def _digest(script: Path) -> str:
    """A changed script means a restart."""
    return hashlib.sha256(script.read_bytes()).hexdigest()


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the API, the RPC server and the fake agents."""
    usual = files(lab, secrets)
    agents = agent_files(lab, secrets)
    script = Path(neutron_agents.__file__)
    digest = _digest(script)
    with_driver = {
        "PYTHONPATH": str(SCHEDULER.parent),
        "LAB_SCRIPT": _digest(SCHEDULER),
        "LAB_ZONE_BY_HINT": ZONE_BY_HINT,
    }
    python = lab.programs / "bin" / "python"
    return (
        api.uwsgi(lab, "neutron", port=lab.ports.neutron, health_path="/", files=usual, extra=with_driver),
        api.daemon(
            lab,
            "neutron",
            "neutron-rpc-server",
            name="neutron-rpc",
            files=usual,
            check=functools.partial(report.listening, lab, secrets, "neutron", "q-reports-plugin"),
            extra=with_driver,
        ),
        Daemon(
            name=AGENTS,
            command=(str(python), "-P", str(script), "--config-file", str(agents[0].path)),
            address=lab.address,
            version=functools.partial(importlib.metadata.version, "neutron"),
            check=functools.partial(agents_health, lab),
            environment=api.environment(lab, "neutron", agents) | {"LAB_SCRIPT": digest},
            files=agents,
        ),
    )
