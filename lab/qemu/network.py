"""lab-qemu's Open vSwitch, with the bond and the bridges that the hosts' image makes.

The image's own script makes them (`host_image/host_network.py`), from the same kind of file; the datapath is the
userspace one, since a machine's kernel may lack Open vSwitch's module. Neutron's agent does the rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab import commands, packages
from lab.configuration import File
from lab.daemon import Daemon, UnhealthyError
from lab.hosts.fabric import SCHEMA
from lab.hosts.host import LINKS, MANAGEMENT_VLAN
from lab.qemu import namespaces
from lab.qemu.host import QemuHost

if TYPE_CHECKING:
    from lab.settings import Lab

DATABASE, SWITCHING = "qemu-ovsdb-server", "qemu-ovs-vswitchd"
SCRIPT = Path(__file__).parents[2] / "host_image" / "host_network.py"
OVSDB = "tcp:127.0.0.1:6640"  # where the script has the database listen, as on the hosts
BRIDGE = "br-ex"  # the one that is Neutron's
QUIET = ("-vsyslog:off", "-vfile:off", "-vconsole:warn")


def file(lab: Lab) -> File:
    """Render what the script makes the network from."""
    host = QemuHost(lab)
    management = {
        "vlan": MANAGEMENT_VLAN,
        "address": f"{host.address}/{lab.host_network.prefixlen}",
        "gateway": lab.machine_address,
    }
    values = {
        "links": list(LINKS),
        "bond_mode": "active-backup",
        "management": management,
        "vlans": [vlan for vlan in host.trunk if vlan != MANAGEMENT_VLAN],
        "mtu": 1500,
        "datapath_type": "netdev",
    }
    return File(lab.etc / "qemu" / "network.json", json.dumps(values) + "\n")


def make_database(lab: Lab) -> None:
    """Make Open vSwitch's empty database, each time the host starts: the script and Neutron's agent fill it."""
    folder = QemuHost(lab).open_vswitch
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "conf.db"
    if not database.exists():
        commands.logged(["ovsdb-tool", "create", str(database), SCHEMA], lab.log / "make-lab-qemu.log")


def make_bond(lab: Lab) -> None:
    """Run the hosts' own script; it changes nothing that is right."""
    file(lab).write()
    namespaces.run(lab, sys.executable, str(SCRIPT), str(file(lab).path), log=lab.log / "make-lab-qemu.log")


def daemons(lab: Lab) -> tuple[Daemon, ...]:
    """List Open vSwitch's two daemons."""
    folder = QemuHost(lab).open_vswitch
    database = (
        *("ovsdb-server", str(folder / "conf.db"), f"--remote=punix:{folder}/db.sock"),
        *("--remote=db:Open_vSwitch,Open_vSwitch,manager_options", f"--unixctl={folder}/database.ctl"),
    )
    switching = ("ovs-vswitchd", f"unix:{folder}/db.sock", f"--unixctl={folder}/switch.ctl")
    environment = namespaces.environment(lab)
    version = lambda: packages.version("openvswitch-switch")  # noqa: E731
    return (
        Daemon(
            name=DATABASE,
            command=namespaces.inside(lab, *database, *QUIET),
            address="-",
            version=version,
            check=lambda: _answers(
                "ovs-vsctl", f"--db=unix:{folder}/db.sock", "--timeout=3", "--no-wait", "show"
            ),
            environment=environment,
        ),
        Daemon(
            name=SWITCHING,
            command=namespaces.inside(lab, *switching, *QUIET),
            address=QemuHost(lab).address,
            version=version,
            check=lambda: _answers("ovs-appctl", "-t", f"{folder}/switch.ctl", "bond/show"),
            environment=environment,
        ),
    )


def _answers(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        raise UnhealthyError(f"{command[0]} gets no answer within 5 s") from None
    if done.returncode:
        raise UnhealthyError(done.stderr.strip() or f"{command[0]} ended with code {done.returncode}")
    return "answers"
