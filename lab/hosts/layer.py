"""A simulated host's own files: a layer between the shared root and what the host writes.

Outside the lab the image brings the network's script and the container engine's settings, and the kickstart the
name, the keys and network.json.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import keys
from lab.hosts.host import LINKS, MANAGEMENT_VLAN, USER, VLANS

if TYPE_CHECKING:
    from lab.hosts.host import SimulatedHost

FILES = Path(__file__).with_name("files")
FAKES = Path(__file__).parents[1] / "fakes" / "host"  # copied as it lies there
IMAGE = Path(__file__).parents[2] / "host_image"
USER_ID = 1000  # as root.py makes the user
NETWORK_UNIT = "host-network.service"
NETWORK_SCRIPT = "usr/libexec/private-cloud/host-network"  # as in the image


def network(host: SimulatedHost) -> str:
    """Render what the host's network is made from; its Open vSwitch runs in its userspace datapath."""
    management = {
        "vlan": MANAGEMENT_VLAN,
        "address": f"{host.address}/{host.lab.host_network.prefixlen}",
        "gateway": host.lab.machine_address,
    }
    values = {
        "links": list(LINKS),
        "bond_mode": "active-backup",
        "management": management,
        "vlans": list(VLANS),
        "mtu": 1500,
        "datapath_type": "netdev",
    }
    return json.dumps(values, indent=2) + "\n"


def network_unit() -> str:
    """Return the image's own unit; Debian calls Open vSwitch's by another name."""
    unit = (IMAGE / "root/usr/lib/systemd/system" / NETWORK_UNIT).read_text()
    return unit.replace("openvswitch.service", "openvswitch-switch.service")


def container_engine(host: SimulatedHost) -> str:
    """Render the engine's settings: the lab's registry is trusted, and nobody's packets are rewritten."""
    values = {
        "insecure-registries": [f"{host.lab.machine_address}:{host.lab.ports.registry}"],
        "bridge": "none",
        "iptables": False,
        "ip-forward": False,
    }
    return json.dumps(values, indent=2) + "\n"


def texts(host: SimulatedHost) -> dict[str, tuple[str, int]]:
    """Return the host's own files: path, content and mode."""
    key = keys.host_key(host)
    login = keys.public(keys.login_key(host.lab))
    machine = hashlib.sha256(host.namespace.encode()).hexdigest()[:32]
    return {
        "etc/hostname": (f"{host.name}\n", 0o644),
        "etc/hosts": (f"127.0.0.1 localhost\n::1 localhost\n{host.address} {host.name}\n", 0o644),
        "etc/resolv.conf": ("# No name server can be reached from here.\n", 0o644),
        "etc/machine-id": (f"{machine}\n", 0o444),
        "etc/ssh/ssh_host_ed25519_key": (key.read_text(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": (f"{keys.public(key)} {host.name}\n", 0o644),
        f"home/{USER}/.ssh/authorized_keys": (f"{login} lab\n", 0o600),
        "etc/docker/daemon.json": (container_engine(host), 0o644),
        "etc/private-cloud/network.json": (network(host), 0o644),
        # Debian locks all of its memory; this machine's is shared.
        "etc/default/openvswitch-switch": ('OVS_CTL_OPTS="--no-mlockall"\n', 0o644),
        "etc/systemd/journald.conf.d/lab.conf": ("[Journal]\nSystemMaxUse=64M\n", 0o644),
        "usr/local/sbin/runc": ((FILES / "runc").read_text(), 0o755),
        NETWORK_SCRIPT: ((IMAGE / "host_network.py").read_text(), 0o755),
        f"etc/systemd/system/{NETWORK_UNIT}": (network_unit(), 0o644),
    }


def render(host: SimulatedHost) -> None:
    """Write the layer anew; a running host takes it when it boots next."""
    fresh = host.folder / "layer.making"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if FAKES.exists():
        shutil.copytree(FAKES, fresh, dirs_exist_ok=True)
    for name, (text, mode) in texts(host).items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    wants = fresh / "etc/systemd/system/multi-user.target.wants" / NETWORK_UNIT
    wants.parent.mkdir(parents=True, exist_ok=True)
    wants.symlink_to(f"/etc/systemd/system/{NETWORK_UNIT}")
    own_by_user(fresh)
    shutil.rmtree(host.layer, ignore_errors=True)
    fresh.rename(host.layer)


def own_by_user(layer: Path) -> None:
    """Give the user its home; a folder of a layer stands for that of the root below, modes and all."""
    for path in (layer / "home" / USER, *(layer / "home" / USER).rglob("*")):
        shutil.chown(path, USER_ID, USER_ID)
    (layer / "home" / USER / ".ssh").chmod(0o700)
