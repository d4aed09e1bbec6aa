"""The daemon that acts for the services in the simulated hosts' containers (`lab/fakes/host_agents.py`)."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.daemon import Daemon, UnhealthyError
from lab.fakes import host_agents
from lab.services import api, neutron, nova

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.hosts.host import SimulatedHost
    from lab.settings import Lab

NAME = "fake-host-agents"
LATE = 60  # seconds; it looks every three, and a slow Neutron may keep it for a while


def compute_file(lab: Lab, secrets: Mapping[str, str], host: SimulatedHost) -> File:
    """Render the nova-compute.conf of a host's fake service, with a state of its own."""
    sections = nova.compute(lab, secrets)
    state = lab.data / "nova" / host.name
    sections["DEFAULT"] |= {
        "host": host.name,
        "my_ip": host.address,
        "state_path": state,
    }
    sections["oslo_concurrency"] = {"lock_path": state / "locks"}
    return File(lab.etc / "nova" / f"nova-compute-{host.name}.conf", ini(sections))


def alive(lab: Lab) -> Path:
    """Return the file that the daemon touches each time it has looked at the hosts."""
    return lab.run / f"{NAME}.alive"


def files(lab: Lab, secrets: Mapping[str, str], hosts: Sequence[SimulatedHost]) -> tuple[File, ...]:
    """Render what it reads: its settings, and how Nova's and Neutron's programs reach theirs."""
    binaries = lab.programs / "bin"
    python = str(binaries / "python")
    report = neutron.agent_files(lab, secrets)
    computes = [compute_file(lab, secrets, host) for host in hosts]
    control = nova.files(lab, secrets)
    settings = {
        "alive": str(alive(lab)),
        "cloud": "lab-admin",
        "neutron": str(report[0].path),
        "discover": [
            *(python, str(binaries / "nova-manage"), "--config-file", str(control[0].path)),
            *("cell_v2", "discover_hosts", "--by-service"),
        ],
        "hosts": [
            {
                "name": host.name,
                "network_namespace": f"/run/netns/{host.namespace}",
                "compute": [python, str(binaries / "nova-compute"), "--config-file", str(file.path)],
                "log": str(lab.log / f"nova-compute-{host.name}.log"),
            }
            for host, file in zip(hosts, computes, strict=True)
        ],
    }
    return (
        File(lab.etc / "nova" / "host-agents.json", json.dumps(settings, indent=1) + "\n"),
        *computes,
        *report,
        *control,
    )


def prepare(lab: Lab, hosts: Sequence[SimulatedHost]) -> None:
    """Make the folders of the fake images' state."""
    for host in hosts:
        (lab.data / "nova" / host.name / "locks").mkdir(parents=True, exist_ok=True)


def health(lab: Lab) -> str:
    """Ask when it last looked."""
    started = lab.run / f"{NAME}.started-with"
    try:
        looked = alive(lab).stat().st_mtime
    except FileNotFoundError:
        raise UnhealthyError("it has not looked at the hosts yet") from None
    if started.exists() and looked < started.stat().st_mtime:
        raise UnhealthyError("it has not looked at the hosts since it started")
    if (age := time.time() - looked) > LATE:
        raise UnhealthyError(f"it last looked at the hosts {age:.0f} s ago")
    return f"looked {max(age, 0):.0f} s ago"


def daemons(lab: Lab, secrets: Mapping[str, str], hosts: Sequence[SimulatedHost]) -> tuple[Daemon, ...]:
    """List the one daemon, for all hosts."""
    found = files(lab, secrets, hosts)
    script = Path(host_agents.__file__)
    digest = hashlib.sha256(script.read_bytes()).hexdigest()  # a changed script means a restart
    usual = api.environment(lab, "nova", found)
    return (
        Daemon(
            name=NAME,
            command=(str(lab.programs / "bin" / "python"), "-P", str(script), str(found[0].path)),
            address=lab.address,
            version=functools.partial(importlib.metadata.version, "nova"),
            check=functools.partial(health, lab),
            environment=usual | {"LAB_SCRIPT": digest, "OS_CLIENT_CONFIG_FILE": str(lab.clouds)},
            files=found,
        ),
    )
