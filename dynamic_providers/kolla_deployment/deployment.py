"""What a deployment wants of each host, as plain values, and the fingerprint by which a host's marker is judged."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clients.ssh import SshHost
    from dynamic_providers.kolla_deployment.clouds import Clouds

VERIFY = "verify"
HAND_OVER = "ceph"
"""Our own steps, in markers beside Kolla's: services report; a storage host is handed to Ceph's orchestrator."""
STARTING = frozenset({"deploy", "deploy-containers", "reconfigure", "upgrade"})


@dataclass(frozen=True)
class DeclaredHost:
    """One host that is declared.

    Attributes:
        ssh: how it is reached; its name is the host's everywhere.
        roles: Kolla's groups that it is in.
        fingerprint: of its own part of the inventory.
        labels: for Ceph's orchestrator.
        removal: what is done about instances and routers on it when it goes.
    """

    ssh: SshHost
    roles: frozenset[str]
    fingerprint: str
    labels: Mapping[str, str]
    removal: Literal["refuse", "drain"]


@dataclass(frozen=True)
class Deployment:
    """All hosts of a stack.

    Attributes:
        stack: the name that is in the hosts' markers.
        hosts: by name.
        steps: Kolla-Ansible's commands, in their order.
        container_engine: docker or podman.
        variables: Kolla's, as YAML.
        service_config: overrides by their path in Kolla's node_custom_config.
        clouds: OpenStack and Ceph.
    """

    stack: str
    hosts: Mapping[str, DeclaredHost]
    steps: tuple[str, ...]
    container_engine: str
    variables: str
    service_config: Mapping[str, str]
    clouds: Clouds

    def wanted(self, name: str) -> str:
        """The fingerprint of all that Kolla makes of a host: what others have to do with it is in it too.

        Every host's configuration names the control hosts, and theirs and the network hosts' the network hosts;
        a monitoring host's names everybody.
        """
        host = self.hosts[name]
        spoken_of = {"control"}
        if host.roles & {"control", "network"}:
            spoken_of.add("network")
        watches = "monitoring" in host.roles
        peers = {
            other: [one.ssh.address, *sorted(one.roles)]
            for other, one in self.hosts.items()
            if other != name and (watches or one.roles & spoken_of)
        }
        # Kolla takes nova/HOST/nova.conf for that host alone.
        others = self.hosts.keys() - {name}
        overrides = {
            path: text
            for path, text in self.service_config.items()
            if others.isdisjoint(PurePosixPath(path).parent.parts)
        }
        parts = [host.fingerprint, self.container_engine, self.variables, overrides, peers]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def all_steps(self, name: str, skipped: frozenset[str] = frozenset()) -> list[str]:
        """Kolla's steps and our own for a host, without those that cannot run here."""
        steps = [step for step in self.steps if step not in skipped]
        if STARTING.isdisjoint(steps):
            return steps
        return [*steps, VERIFY, *([HAND_OVER] if "storage" in self.hosts[name].roles else [])]
