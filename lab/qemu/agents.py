"""Neutron's Open vSwitch agent and DHCP agent on lab-qemu, both real.

Security groups are not enforced: the userspace datapath of Debian's Open vSwitch has connection tracking, but Neutron's
flows for it cost more than a lab without attackers is worth.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.qemu import network
from lab.qemu.compute import helper, on_lab_qemu
from lab.qemu.host import NAME, ZONE
from lab.services import api, rabbitmq, report
from lab.settings import PHYSICAL_NETWORK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.daemon import Daemon
    from lab.settings import Lab

SWITCH, DHCP = "qemu-ovs-agent", "qemu-dhcp-agent"
PRIVILEGED = ("", "_ovs_vsctl", "_namespace", "_link", "_dhcp_release", "_conntrack")
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
    for section in PRIVILEGED:
        sections[f"privsep{section}"] = {"helper_command": helper(lab, path)}
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
    configuration = files(lab, secrets)
    return tuple(
        on_lab_qemu(
            lab,
            api.daemon(
                lab,
                "neutron",
                program,
                name=name,
                files=configuration,
                check=functools.partial(health, lab, name),
            ),
        )
        for name, program in PROGRAMS.items()
    )
