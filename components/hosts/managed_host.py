"""A host of the stack file as the value that all resources of hosts share."""

from pathlib import Path

from clients.managed_host import ManagedHost
from clients.ssh import SshHost
from config.host import BareMetalHostSpec
from config.kolla import KollaSpec
from dynamic_providers.kolla_host.inventory import known_hosts_of


def managed_host(spec: BareMetalHostSpec, kolla: KollaSpec) -> ManagedHost:
    """The host of SPEC, reached as KOLLA says."""
    assert kolla.ssh, "load() asks for it with hosts"
    return ManagedHost(
        ssh=SshHost(
            name=spec.name,
            address=str(spec.address),
            port=kolla.ssh.port,
            user=kolla.ssh.user,
            private_key_file=kolla.ssh.private_key_file,
            known_hosts_file=known_hosts_of(Path(kolla.inventory), spec.name),
        ),
        roles=tuple(sorted(spec.roles)),
        container_engine=kolla.container_engine,
        labels=spec.labels,
    )
