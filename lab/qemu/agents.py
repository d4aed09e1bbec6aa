"""Neutron's Open vSwitch agent and DHCP agent on lab-qemu, both real.

Security groups are not enforced: the userspace datapath of Debian's Open vSwitch has connection tracking, but Neutron's
flows for it cost more than a lab without attackers is worth.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.qemu import network
from lab.qemu.compute import on_lab_qemu
from lab.qemu.host import NAME, ZONE
from lab.services import api, rabbitmq, report
from lab.settings import PHYSICAL_NETWORK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab

SWITCH, DHCP = "qemu-ovs-agent", "qemu-dhcp-agent"
IN_PROCESS = Path(__file__).with_name("in_process.py")
PROGRAMS = {SWITCH: "neutron-openvswitch-agent", DHCP: "neutron-dhcp-agent"}


def folder(lab: Lab) -> Path:
    """Return what the agents keep: leases, and who runs."""
    return lab.data / "neutron" / NAME


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render the one configuration of both: the broker, and no way into a database."""
    path = lab.etc / "neutron" / f"{NAME}.conf"
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "use_stderr": True,
            "host": NAME,
            "state_path": folder(lab),
            "transport_url": rabbitmq.url(lab, secrets, "neutron"),
            "interface_driver": "openvswitch",
            "enable_metadata_network": False,
        },
        "AGENT": {"availability_zone": ZONE, "report_interval": 10},
        "ovs": {
            "bridge_mappings": f"{PHYSICAL_NETWORK}:{network.BRIDGE}",
            "datapath_type": "netdev",
            "ovsdb_connection": network.OVSDB,
        },
        "securitygroup": {"firewall_driver": "noop"},
        "oslo_concurrency": {"lock_path": folder(lab) / "locks"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
    return (File(path, ini(sections)),)


def prepare(lab: Lab) -> None:
    """Make the folders."""
    (folder(lab) / "locks").mkdir(parents=True, exist_ok=True)


def health(lab: Lab, name: str) -> str:
    """Ask Neutron's own table when the agent last reported."""
    rows = f"FROM neutron.agents WHERE host = '{NAME}' AND `binary` = '{PROGRAMS[name]}'"
    return report.fresh(lab, name, "heartbeat_timestamp", rows)


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List both agents."""
    script = {
        "LAB_SCRIPT": hashlib.sha256(IN_PROCESS.read_bytes()).hexdigest()
    }  # another one means a restart
    found = []
    for name, program in PROGRAMS.items():
        check = functools.partial(health, lab, name)
        made = api.daemon(lab, "neutron", program, name=name, files=files(lab, secrets), check=check)
        python, *rest = made.command
        made = dataclasses.replace(
            made,
            command=(python, "-P", str(IN_PROCESS), *rest),
            environment={**made.environment, **script},
        )
        found.append(on_lab_qemu(lab, made))
    return tuple(found)
