"""The lab's simulated hosts, as tests find them: three at least."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients import host_keys, ssh
from clients.managed_host import ManagedHost
from lab.hosts import record
from lab.settings import Lab
from tests.lab.running_lab import with_hosts

WANTED = 3


@dataclass(frozen=True)
class SimulatedHost:
    """One of them, in the words of hosts.json."""

    name: str
    address: str
    port: int
    user: str
    private_key_file: str
    host_key: str
    links: list[str]
    osd_disks: list[str]
    install_disk: str

    def ssh_host(self, known_hosts: Path) -> ssh.SshHost:
        """How it is reached; its key is pinned in KNOWN_HOSTS."""
        return ssh.SshHost(
            name=self.name,
            address=self.address,
            port=self.port,
            user=self.user,
            private_key_file=Path(self.private_key_file),
            known_hosts_file=known_hosts,
        )

    def managed(
        self, known_hosts: Path, roles: Sequence[str] = ("compute",), labels: Mapping[str, str] | None = None
    ) -> ManagedHost:
        """The same as all resources of hosts are given it."""
        return ManagedHost(
            ssh=self.ssh_host(known_hosts),
            roles=tuple(roles),
            container_engine="docker",
            labels=dict(labels or {}),
        )

    def run(self, folder: Path, command: str, given: str = "") -> str:
        """Run a shell's text there as root; the host's key is pinned in a file of FOLDER."""
        known_hosts = folder / f"known-{self.name}"
        known_hosts.write_text(host_keys.pin(self.address, self.port, self.host_key), encoding="utf-8")
        return ssh.run(self.ssh_host(known_hosts), command, given=given)


@pytest.fixture(scope="session")
def simulated_hosts(lab: Lab) -> Iterator[list[SimulatedHost]]:
    """All of them; those that the lab did not have before are gone again afterwards."""
    with with_hosts(lab, WANTED):
        rows = json.loads(record.path(lab).read_text(encoding="utf-8"))
        yield [SimulatedHost(**row) for row in rows]
