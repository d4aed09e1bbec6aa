"""Containers on a host, as its container engine (Docker or Podman) tells of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clients import ssh
from clients.errors import CloudError
from clients.ssh import SshHost

# "Up 2 minutes (unhealthy)"; before the first check Docker says "(health: starting)", Podman "(starting)".
_WELL = re.compile(r"^Up (?!.*\((?:unhealthy|health: starting|starting|Paused)\))", re.IGNORECASE)


@dataclass(frozen=True)
class Containers:
    """What the engine tells: states by name, in its words."""

    states: Mapping[str, str]

    @property
    def well(self) -> frozenset[str]:
        """Those that run and whose health check, if they have one, passes."""
        return frozenset(name for name, state in self.states.items() if _WELL.match(state))

    @property
    def ailing(self) -> str:
        """Name those that run badly or start again and again, with their states; empty if none does."""
        return self.describe(
            name
            for name, state in self.states.items()
            if not _WELL.match(state) and state.startswith(("Up", "Restarting"))
        )

    def describe(self, names: Iterable[str]) -> str:
        """NAMES with their states, for a sentence."""
        return ", ".join(f"{name} ({self.states.get(name, 'gone')})" for name in sorted(names))


def containers(host: SshHost, engine: str) -> Containers:
    """Ask the engine for all its containers."""
    try:
        output = ssh.run(host, [engine, "ps", "--all", "--format", "{{.Names}}\t{{.Status}}"])
    except ssh.RemoteCommandFailed as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CloudError(f"{host.where}: {engine} does not answer: {last}") from None
    lines = [line.partition("\t") for line in output.splitlines() if line]
    return Containers({name: state for name, _, state in lines})
