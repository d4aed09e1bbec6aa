"""FAKE agents of the simulated hosts, in place of the services in the containers that Kolla deploys there.

Kolla's containers hold fake images (`lab/registry/fake_images.py`). This program checks every few seconds which of them
run on each host, and acts for them from this machine while they do:

- `nova_compute`: a real nova-compute with Nova's fake driver, under the host's name. The cell discovers the host, and
  the fake kolla_toolbox on the hosts gets the list of the real Nova's compute services.
- `neutron_openvswitch_agent`, `neutron_dhcp_agent`, `neutron_l3_agent`, `neutron_metadata_agent`: reports to the real
  Neutron over the real broker, and accepts routers.

When a container stops, its service stops too: Nova and Neutron report it as down after about a minute.

This does not prove that the configuration Kolla wrote is right (this program has its own), that the host reaches the
broker or anything else, that an instance runs, or that a frame passes.

Run as a program by the lab's own interpreter, with one argument, a file of settings (JSON): `lab/kolla/agents.py`
writes it. Never imported by the lab.
"""

from __future__ import annotations

import http.client
import json
import logging
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROC = Path("/proc")
LOOK = 3.0  # seconds between two checks of the hosts
REPORT = 10.0  # seconds between two reports to Neutron; it calls an agent down after 75 s of silence
ASK = 5.0  # seconds between two requests to Nova
# Where the fake kolla_toolbox looks, below a host's root.
SERVICES = "run/lab-compute-services.json"
HYPERVISORS = "run/lab-hypervisors.json"

# Container, binary and type of what reports to Neutron, and what it says of itself.
NEUTRON: dict[str, tuple[str, str, dict[str, Any]]] = {
    "neutron_openvswitch_agent": (
        "neutron-openvswitch-agent",
        "Open vSwitch agent",
        {
            "bridge_mappings": {"physnet1": "br-ex"},
            "integration_bridge": "br-int",
            "tunnel_types": [],
            "datapath_type": "system",
            "ovs_hybrid_plug": False,
        },
    ),
    "neutron_dhcp_agent": (
        "neutron-dhcp-agent",
        "DHCP agent",
        {"dhcp_driver": "neutron.agent.linux.dhcp.Dnsmasq", "networks": 0},
    ),
    "neutron_l3_agent": (
        "neutron-l3-agent",
        "L3 agent",
        {"agent_mode": "legacy", "interface_driver": "openvswitch", "routers": 0, "ex_gw_ports": 0},
    ),
    "neutron_metadata_agent": (
        "neutron-metadata-agent",
        "Metadata agent",
        {"metadata_proxy_socket": "fake"},
    ),
}
TOPICS = {"DHCP agent": "dhcp_agent", "L3 agent": "l3_agent"}
ZONED = ("DHCP agent", "L3 agent")

log = logging.getLogger("host-agents")


class _DockerConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class Known:
    """What Nova knows: the hosts of its compute services, and the ids of its hypervisors by name."""

    services: list[str]
    hypervisors: dict[str, str]


def levels(pid: str) -> list[str]:
    """Return a process's numbers, in this and in each nested namespace of process ids; [] once it is gone."""
    try:
        lines = (PROC / pid / "status").read_text().splitlines()
    except OSError:
        return []
    return next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])


def first_process(namespace: Path) -> str | None:
    """Find the first process of the host that has a network namespace, one level below this program."""
    depth = len(levels("self")) + 1
    try:
        wanted = namespace.stat().st_ino
    except OSError:
        return None
    for entry in PROC.iterdir():
        try:
            if not entry.name.isdigit() or (entry / "ns/net").stat().st_ino != wanted:
                continue
        except OSError:
            continue
        numbers = levels(entry.name)
        if len(numbers) == depth and numbers[-1] == "1":
            return entry.name
    return None


class Host:
    """A simulated host, seen from outside through its first process's root."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.name: str = settings["name"]
        self._namespace = Path(settings["network_namespace"])
        self._first: str | None = None
        self._compute: list[str] = settings["compute"]
        self._log = Path(settings["log"])
        self._process: subprocess.Popen[bytes] | None = None
        self.running: frozenset[str] = frozenset()
        self.started: set[str] = set()

    def root(self) -> Path | None:
        """Its root directory, as this machine reaches it; None while it is down."""
        if self._first is None or not levels(self._first):
            self._first = first_process(self._namespace)
        return PROC / self._first / "root" if self._first else None

    def look(self) -> None:
        """List its running containers; none if the container engine does not answer."""
        self.running = frozenset(self._containers())

    def _containers(self) -> list[str]:
        root = self.root()
        if root is None:
            return []
        connection = _DockerConnection(root / "run/docker.sock")
        try:
            connection.request("GET", "/containers/json")
            rows = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return []
        finally:
            connection.close()
        return [name.removeprefix("/") for row in rows if row["State"] == "running" for name in row["Names"]]

    def act(self) -> None:
        """Run a nova-compute for the host exactly while its container runs."""
        wanted = "nova_compute" in self.running
        alive = self._process is not None and self._process.poll() is None
        if wanted and not alive:
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(
                    ["/usr/bin/setpriv", "--pdeathsig", "TERM", "--", *self._compute],
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            log.info("%s: nova-compute starts", self.name)
        elif alive and not wanted and self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None
            log.info("%s: nova-compute has ended", self.name)

    def write_known(self, known: Known) -> None:
        """Write what Nova knows to files that the fake kolla_toolbox on the host reads."""
        root = self.root()
        if root is not None and "kolla_toolbox" in self.running:
            (root / SERVICES).write_text(json.dumps([{"Host": name} for name in known.services]) + "\n")
            hypervisors = [{"name": name, "id": number} for name, number in known.hypervisors.items()]
            (root / HYPERVISORS).write_text(json.dumps(hypervisors) + "\n")

    def reports(self) -> list[dict[str, Any]]:
        """Return the reports of its Neutron agents, in their own format; each agent's first report says that it starts."""
        found = []
        for container, (binary, kind, configuration) in NEUTRON.items():
            if container not in self.running:
                self.started.discard(container)
                continue
            state: dict[str, Any] = {
                "binary": binary,
                "host": self.name,
                "topic": TOPICS.get(kind, "N/A"),
                "configurations": configuration,
                "agent_type": kind,
                "uuid": str(uuid.uuid4()),
            }
            if kind in ZONED:
                state["availability_zone"] = "nova"
            if container not in self.started:
                state["start_flag"] = True
                self.started.add(container)
            found.append(state)
        return found


class NoOpL3Agent:
    """No-op RPC endpoints of a fake L3 agent; Neutron waits for the answer of one of them."""

    def router_added_to_agent(self, _context: object, **_arguments: object) -> None:
        """Accept; Neutron schedules a router only on an agent that answers."""

    agent_updated = routers_updated = router_removed_from_agent = router_added_to_agent
    router_deleted = add_arp_entry = del_arp_entry = router_added_to_agent


class Neutron:
    """Neutron's side of the agents: their reports, and its calls to them."""

    def __init__(self, configuration: str) -> None:
        import oslo_messaging  # noqa: PLC0415 - only the lab's venv has these
        from neutron.common import config  # noqa: PLC0415
        from neutron_lib import context, rpc  # noqa: PLC0415

        config.register_common_config_options()
        config.init(["--config-file", configuration])
        config.setup_logging()
        target = oslo_messaging.Target(topic="q-reports-plugin", version="1.4")
        self._client = rpc.get_client(target).prepare(timeout=REPORT)
        self._target = oslo_messaging.Target
        self._get_server = rpc.get_server
        self._servers: dict[str, Any] = {}
        self._context = context.get_admin_context_without_session
        self._problem = oslo_messaging.MessagingException

    def report(self, state: dict[str, Any]) -> None:
        """Send one report; if Neutron does not answer, log that and go on."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        try:
            self._client.call(self._context(), "report_state", agent_state={"agent_state": state}, time=now)
        except self._problem as problem:
            log.warning("%s of %s could not report: %s", state["binary"], state["host"], problem)

    def answer(self, host: Host) -> None:
        """Answer for a host's L3 agent exactly while its container runs."""
        wanted = "neutron_l3_agent" in host.running
        if wanted and host.name not in self._servers:
            target = self._target(topic="l3_agent", server=host.name, version="1.4")
            self._servers[host.name] = self._get_server(target, [NoOpL3Agent()])
            self._servers[host.name].start()
        elif not wanted and host.name in self._servers:
            server = self._servers.pop(host.name)
            server.stop()
            server.wait()


class Nova:
    """The real Nova."""

    def __init__(self, cloud: str, discover: list[str]) -> None:
        self._cloud = cloud
        self._discover = discover
        self._connection: Any = None
        self._mapped: set[str] = set()

    def known(self) -> Known | None:
        """List its compute services and hypervisors; None if it does not answer."""
        import openstack  # noqa: PLC0415 - only the lab's venv has it

        try:
            self._connection = self._connection or openstack.connect(cloud=self._cloud)
            compute = self._connection.compute
            services = sorted(service.host for service in compute.services(binary="nova-compute"))
            return Known(services, {found.name: found.id for found in compute.hypervisors()})
        except Exception as problem:  # noqa: BLE001 - the next request is seconds later
            log.warning("Nova did not answer: %s", problem)
            self._connection = None
            return None

    def discover(self, services: list[str]) -> None:
        """Make the cell discover new hosts, and hosts that came back after their record was deleted."""
        if set(services) - self._mapped:
            done = subprocess.run(self._discover, capture_output=True, text=True, check=False)
            if done.returncode:
                log.warning("nova-manage ended with code %s: %s", done.returncode, done.stderr[-500:])
                return
        self._mapped = set(services)


def main() -> None:
    """Check the hosts, act and report, in a loop."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    neutron = Neutron(settings["neutron"])
    nova = Nova(settings["cloud"], settings["discover"])
    hosts = [Host(each) for each in settings["hosts"]]
    alive = Path(settings["alive"])
    reported = last_request = 0.0
    while True:
        for host in hosts:
            host.look()
            host.act()
        now = time.monotonic()
        if now - reported >= REPORT:
            reported = now
            for host in hosts:
                neutron.answer(host)
                for state in host.reports():
                    neutron.report(state)
        if now - last_request >= ASK and any("nova_compute" in host.running for host in hosts):
            last_request = now
            known = nova.known()
            if known is not None:
                nova.discover(known.services)
                for host in hosts:
                    host.write_known(known)
        alive.touch()
        time.sleep(LOOK)


if __name__ == "__main__":
    main()
