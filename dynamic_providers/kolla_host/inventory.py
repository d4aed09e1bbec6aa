"""One host's own file in Kolla-Ansible's inventory folder, and what else there speaks of the host."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from clients.errors import CloudError
from dynamic_providers.kolla_host import definitions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from clients.ssh import SshHost

Vars = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """What the inventory says of a host.

    Attributes:
        ssh: how Ansible reaches it.
        roles: Kolla's groups that it is in.
        variables: what goes beside ansible_host, such as network_interface.
        labels: the operator's own words for it.
        container_engine: docker or podman.
    """

    ssh: SshHost
    roles: Sequence[str]
    variables: Mapping[str, Any]
    container_engine: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The file: YAML with the host, its variables, and itself in each of its groups."""
        name = self.ssh.name
        groups: dict[str, Any] = {"all": {"hosts": {name: self._host_vars()}}}
        groups |= {role: {"hosts": {name: {}}} for role in sorted(self.roles)}
        return yaml.safe_dump(groups, sort_keys=False, allow_unicode=True, width=1000)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what Kolla makes of the host: not of how Ansible gets in, nor of its labels."""
        rendered = {
            "name": self.ssh.name,
            "address": self.ssh.address,
            "roles": sorted(self.roles),
            "variables": dict(self.variables),
            "container_engine": self.container_engine,
        }
        return hashlib.sha256(json.dumps(rendered, sort_keys=True).encode()).hexdigest()

    def _host_vars(self) -> Vars:
        variables: Vars = {
            "ansible_host": self.ssh.address,
            "ansible_port": self.ssh.port,
            "ansible_user": self.ssh.user,
            "ansible_python_interpreter": "/usr/bin/python3",  # the probe has found it
            "ansible_ssh_private_key_file": str(self.ssh.private_key_file),
            "ansible_ssh_common_args": shlex.join(_trust(self.ssh.known_hosts_file)),
            **dict(sorted(self.variables.items())),
        }
        if self.labels:
            variables["private_cloud_labels"] = dict(sorted(self.labels.items()))
        return variables


def file_of(folder: Path, name: str) -> Path:
    """The host's own file."""
    return folder / f"host-{name}.yml"


def known_hosts_of(folder: Path, name: str) -> Path:
    """Where the host's key is pinned: hidden, since Ansible reads every other file below as an inventory."""
    return folder / ".known_hosts.d" / name


def require_free(folder: Path, name: str, address: str) -> None:
    """Refuse a host that another file of the folder speaks of too, under its name or at its address.

    Raises:
        CloudError: one does, or the folder is none.
    """
    if folder.exists() and not folder.is_dir():
        raise CloudError(
            f"the inventory {folder} is a file; where hosts are declared it has to be a folder: move the file into"
            f" one, without these hosts, and give that folder"
        )
    own = file_of(folder, name)
    for path in definitions.inventory_files(folder):
        if path == own:
            continue
        for host, its_address in definitions.hosts(path, name).items():
            if host == name:
                raise CloudError(
                    f"host {name} is in {path} too, and Ansible would mix the two; take it out of that file"
                )
            if address in {its_address, host}:
                raise CloudError(
                    f"address {address} of host {name} belongs to host {host} in {path}; was it renamed? Take {host}"
                    f" out of the stack and run up first, install the machine as {name}, then declare it"
                )


def _trust(known_hosts_file: Path) -> list[str]:
    settings = {
        "UserKnownHostsFile": f'"{known_hosts_file}"',
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
