"""One host's own file in Kolla-Ansible's inventory folder, and what else there speaks of the host."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clients import ansible, regular_file
from clients.errors import CloudError
from clients.managed_host import ManagedHost

_VARIABLES = frozenset({"group_vars", "host_vars"})


def text(host: ManagedHost, variables: Mapping[str, Any]) -> str:
    """The host's own file: YAML with the host, its variables, and itself in each of its groups.

    VARIABLES go beside ansible_host, such as network_interface.
    """
    name = host.name
    groups: dict[str, Any] = {"all": {"hosts": {name: _host_vars(host, variables)}}}
    groups |= {role: {"hosts": {name: {}}} for role in sorted(host.roles)}
    return yaml.safe_dump(groups, sort_keys=False, allow_unicode=True, width=1000)


def file_of(folder: Path, name: str) -> Path:
    """The host's own file."""
    return folder / f"host-{name}.yml"


def known_hosts_of(folder: Path, name: str) -> Path:
    """Where the host's key is pinned: hidden, since Ansible reads every other file below as an inventory."""
    return folder / ".known_hosts.d" / name


def require_free(folder: Path, name: str, address: str, command: str) -> None:
    """Refuse a host that another file of the folder speaks of too, under its name or at its address.

    COMMAND is kolla-ansible, whose Ansible reads the others' files.
    """
    if folder.exists() and not folder.is_dir():
        raise CloudError(
            f"the inventory {folder} is a file; where hosts are declared it has to be a folder: move the file into"
            f" one, without these hosts, and give that folder"
        )
    others = _others(folder, file_of(folder, name))
    if not others:
        return
    own = {"ANSIBLE_INVENTORY_IGNORE_REGEX": f"^{re.escape(file_of(folder, name).name)}$"}
    found = ansible.inventory(command, folder, own)
    known = found.pop("_meta")["hostvars"]
    for host in sorted({host for group in found.values() for host in group.get("hosts", ())}):
        word = re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w.-])")  # unless a range has it
        path = next((path for path, text in others.items() if word.search(text)), f"a file of {folder}")
        if host == name:
            raise CloudError(
                f"host {name} is in {path} too, and Ansible would mix the two; take it out of that file"
            )
        if address in {known.get(host, {}).get("ansible_host"), host}:
            raise CloudError(
                f"address {address} of host {name} belongs to host {host} in {path}; was it renamed? Take {host}"
                f" out of the stack and run up first, install the machine as {name}, then declare it"
            )


def _others(folder: Path, own: Path) -> dict[Path, str]:
    """The texts of the files of the folder but for the host's own; Ansible would wait for one that is a FIFO."""
    texts = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if hidden or path.is_dir() or path == own or parts[0] in _VARIABLES:
            continue
        try:
            texts[path] = regular_file.text(path, errors="replace")
        except OSError as error:
            raise CloudError(
                f"the inventory's file {path} cannot be read ({error.strerror}); Ansible reads every file of that folder: "
                "mend it or move it away"
            ) from None
    return texts


def _host_vars(host: ManagedHost, variables: Mapping[str, Any]) -> dict[str, Any]:
    ssh = host.ssh
    trust = {
        "UserKnownHostsFile": f'"{ssh.known_hosts_file}"',
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
    }
    found: dict[str, Any] = {
        "ansible_host": ssh.address,
        "ansible_port": ssh.port,
        "ansible_user": ssh.user,
        "ansible_python_interpreter": "/usr/bin/python3",  # the probe has found it
        "ansible_ssh_private_key_file": str(ssh.private_key_file),
        "ansible_ssh_common_args": shlex.join(
            [word for key, value in trust.items() for word in ("-o", f"{key}={value}")]
        ),
        **dict(sorted(variables.items())),
    }
    if host.labels:
        found["private_cloud_labels"] = dict(sorted(host.labels.items()))
    return found
