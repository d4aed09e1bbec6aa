"""What a deployment leaves on a host: containers (label kolla_version) and volumes (kolla_managed), and the marker."""

import shlex
from dataclasses import dataclass

from clients import ssh
from clients.ssh import SshHost
from dynamic_providers.kolla_deployment import markers

REMOVAL_S = 300  # a volume with many files takes a while


@dataclass(frozen=True)
class Leftovers:
    """Kolla's containers and volumes there, by name, and the host's marker.

    Attributes:
        engine: whether the container engine is installed, without which there are no containers.
    """

    engine: bool
    containers: tuple[str, ...]
    volumes: tuple[str, ...]
    marker: bool

    def __str__(self) -> str:
        """Name them, for a sentence; empty where nothing is there."""
        named = [
            *(f"container {name}" for name in self.containers),
            *(f"volume {name}" for name in self.volumes),
        ]
        return ", ".join([*named, *(["the marker"] if self.marker else [])])


def of(host: SshHost, engine: str) -> Leftovers:
    """Look at the host.

    Raises:
        HostUnreachable: it does not answer.
        CloudError: another host answers, the login is refused, or the engine does not answer.
    """
    program = shlex.quote(engine)
    output = ssh.run(
        host,
        f"""set -e
if command -v {program} > /dev/null; then
  echo engine
  {program} ps --all --filter label=kolla_version --format 'container {{{{.Names}}}}'
  {program} volume ls --filter label=kolla_managed=true --format 'volume {{{{.Name}}}}'
fi
if [ -e {shlex.quote(markers.PATH)} ]; then echo marker; fi""",
    )
    lines = [line.partition(" ") for line in output.splitlines()]
    return Leftovers(
        any(kind == "engine" for kind, _, _ in lines),
        tuple(sorted(name for kind, _, name in lines if kind == "container")),
        tuple(sorted(name for kind, _, name in lines if kind == "volume")),
        any(kind == "marker" for kind, _, _ in lines),
    )


def unmark(host: SshHost) -> None:
    """Remove the marker: from now on the host counts as not deployed."""
    ssh.run(host, ["rm", "-f", markers.PATH])


def clear(host: SshHost, engine: str, leftovers: Leftovers) -> None:
    """Remove volumes that Kolla no longer finds, because it looks for them by containers."""
    if leftovers.volumes:
        ssh.run(host, [engine, "volume", "rm", *leftovers.volumes], timeout=REMOVAL_S)
