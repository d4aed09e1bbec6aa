"""Hosts as the product has them, for tests: each with what a test does not care for filled in."""

from pathlib import Path
from typing import Any

from clients.managed_host import ManagedHost
from clients.ssh import SshHost
from dynamic_providers.kolla_host.inventory import known_hosts_of


def ssh_host(name: str = "compute-1", **given: Any) -> SshHost:
    """How a host is reached that is not there."""
    others = {"address": "10.0.0.21", "port": 22, "user": "kolla"}
    files = {"private_key_file": Path("/keys/id"), "known_hosts_file": known_hosts_of(Path("/inv"), name)}
    return SshHost(**{"name": name, **others, **files, **given})


def managed_host(ssh: SshHost | None = None, **given: Any) -> ManagedHost:
    """Such a host, with a role."""
    others = {"roles": ("compute",), "container_engine": "docker", "labels": {}}
    return ManagedHost(**{"ssh": ssh or ssh_host(), **others, **given})


def inputs_of(host: ManagedHost) -> dict[str, Any]:
    """What a provider is given of a host: numbers come from the engine as floats."""
    found = host.model_dump(mode="json", exclude_none=True)
    return found | {"ssh": found["ssh"] | {"port": float(host.ssh.port)}}


def reached(host: dict[str, Any], **given: Any) -> dict[str, Any]:
    """A host's inputs, with what is GIVEN for how it is reached."""
    return host | {"ssh": host["ssh"] | given}
