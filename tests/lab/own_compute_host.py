"""A compute and network host under a name of its own: a real nova-compute with Nova's fake driver, FAKE agents."""

import json
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openstack.connection import Connection

from dynamic_providers.kolla_deployment import neutron_host, nova_host
from lab.fakes.neutron_agents import dhcp_agent, switch_agent
from lab.services import api
from lab.settings import Lab

AGENTS = Path(__file__).with_name("host_agents.py")
ZONE = "nova"
FAKE_MEMORY_MB = 800_000  # of Nova's fake driver
OWN_MEMORY_MB = 4096


def l3_agent(host: str) -> dict[str, Any]:
    """Describe an L3 agent as it describes itself."""
    return {
        "binary": "neutron-l3-agent",
        "host": host,
        "availability_zone": ZONE,
        "topic": "l3_agent",
        "configurations": {"agent_mode": "legacy", "routers": 0, "handle_internal_only_routers": True},
        "agent_type": "L3 agent",
    }


def metadata_agent(host: str) -> dict[str, Any]:
    """Describe a metadata agent as it describes itself."""
    return {
        "binary": "neutron-metadata-agent",
        "host": host,
        "topic": "N/A",
        "configurations": {},
        "agent_type": "Metadata agent",
    }


def until(condition: Callable[[], object], what: str, seconds: float = 90) -> None:
    """Wait for CONDITION."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(1)


@dataclass
class OwnHost:
    """What runs for it, by what it is."""

    lab: Lab
    conn: Connection
    folder: Path
    name: str
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start_compute(self) -> None:
        """Start nova-compute; return once the cell has it and it is up."""
        etc = self.lab.etc / "nova"
        own = self.folder / "host.conf"
        # So little of it is left that the scheduler takes the host `lab` for everybody who does not ask for this one.
        own.write_text(
            f"[DEFAULT]\nhost = {self.name}\nstate_path = {self.folder}\n"
            f"reserved_host_memory_mb = {FAKE_MEMORY_MB - OWN_MEMORY_MB}\n"
            f"[oslo_concurrency]\nlock_path = {self.folder}\n",
            encoding="utf-8",
        )
        options = ["--config-file", str(etc / "nova-compute.conf"), "--config-file", str(own)]
        self._start("nova-compute", [str(self.lab.programs / "bin" / "nova-compute"), *options], "")
        until(
            lambda: any(nova_host.is_up(one) for one in nova_host.computes(self.conn, self.name)),
            "nova-compute is up",
        )
        subprocess.run(
            [
                *(self._python, str(self.lab.programs / "bin" / "nova-manage")),
                *("--config-file", str(etc / "nova.conf"), "cell_v2", "discover_hosts"),
            ],
            env=api.environment(self.lab, "nova", ()),
            check=True,
            capture_output=True,
            text=True,
        )

    def start_agents(self, *agents: dict[str, Any]) -> None:
        """Have these agents report, the Open vSwitch agent too; return once they are alive."""
        everybody = [switch_agent(self.name), *agents]
        configuration = self.lab.etc / "neutron" / "agents.conf"
        command = [self._python, "-P", str(AGENTS), "--config-file", str(configuration)]
        self._start("agents", command, json.dumps(everybody))
        wanted = len(everybody)
        until(
            lambda: sum(one.is_alive for one in neutron_host.agents(self.conn, self.name)) == wanted,
            "the agents are alive",
        )

    def stop(self) -> None:
        """End what runs for it."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:  # nova-compute finishes what it is at, however long it takes
                process.kill()
                process.wait()
        self.processes.clear()

    def forget(self) -> None:
        """Stop it and delete its records."""
        self.stop()
        neutron_host.forget(self.conn, self.name)
        nova_host.forget(self.conn, self.name)

    @property
    def _python(self) -> str:
        return str(self.lab.programs / "bin" / "python")

    def _start(self, what: str, command: list[str], given: str) -> None:
        log = (self.folder / f"{what}.log").open("w", encoding="utf-8")
        environment = api.environment(self.lab, "nova", ())
        with log:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, text=True
            )
        self.processes[what] = process
        assert process.stdin
        with process.stdin as pipe:
            pipe.write(given)


@contextmanager
def own_host(lab: Lab, conn: Connection) -> Iterator[OwnHost]:
    """A host of a random name, of which nothing stays."""
    with tempfile.TemporaryDirectory(prefix="own-host-") as folder:
        host = OwnHost(lab, conn, Path(folder), f"host-t{secrets.token_hex(3)}")
        try:
            yield host
        finally:
            host.forget()


__all__ = ["OwnHost", "dhcp_agent", "l3_agent", "metadata_agent", "own_host", "until"]
