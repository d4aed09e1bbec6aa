"""The real kolla-ansible as a person runs it: a folder and an inventory of its own, nothing of this project's."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from clients import host_keys
from lab.kolla import configdir
from lab.settings import CHECKOUT, Lab
from tests.lab.simulated_hosts import SimulatedHost
from toolchain.places import Places

EXAMPLES = ("control", "network", "compute", "monitoring", "storage")  # groups that list example hosts


@dataclass(frozen=True)
class KollaByHand:
    """One folder to run it from."""

    folder: Path

    def run(self, command: str, *arguments: str, seconds: float = 400) -> str:
        """Run it and return what it said.

        Raises:
            AssertionError: it failed.
        """
        programs = Places(CHECKOUT).kolla_programs
        settings = {
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
            "PATH": f"{programs}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            [
                *(str(programs / "kolla-ansible"), command, "--configdir", str(self.folder)),
                *("--inventory", str(self.folder / "inventory"), *arguments),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            env=os.environ | settings,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr
        return done.stdout


def stack_globals() -> dict[str, Any]:
    """Kolla's globals as the stack `hosts` has them, and what hosts of this project need."""
    stack = yaml.safe_load((CHECKOUT / "Pulumi.hosts.yaml").read_text())
    declared = stack["config"]["private-cloud:kolla"]["globals"]
    return {"enable_openvswitch": "no", "enable_neutron_provider_networks": "yes", **declared}


def make(lab: Lab, folder: Path, host: SimulatedHost, roles: Sequence[str]) -> KollaByHand:
    """Make the folder for one host, from the lab's globals.yml and passwords.yml."""
    inventory = folder / "inventory"
    (folder / "globals.d").mkdir(parents=True)
    inventory.mkdir()
    for name in ("globals.yml", "passwords.yml"):
        shutil.copy(configdir.folder(lab) / name, folder / name)
    (folder / "globals.d" / "stack.yml").write_text(json.dumps(stack_globals()))
    shipped = Places(CHECKOUT).kolla / "share/kolla-ansible/ansible/inventory/multinode"
    (inventory / "groups").write_text(without_examples(shipped.read_text()))
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(host_keys.pin(host.address, host.port, host.host_key))
    variables = {
        "ansible_host": host.address,
        "ansible_user": host.user,
        "ansible_ssh_private_key_file": host.private_key_file,
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes",
        "ansible_python_interpreter": "/usr/bin/python3",
        "network_interface": "mgmt",
        "neutron_external_interface": "br-ex",
    }
    groups = {role: {"hosts": {host.name: None}} for role in roles}
    described = {"all": {"hosts": {host.name: variables}}, **groups}
    (inventory / "host.json").write_text(json.dumps(described))
    return KollaByHand(folder)


def without_examples(multinode: str) -> str:
    """Take Kolla's example hosts out of its inventory; Ansible runs on this machine by its own Python."""
    kept = []
    section = ""
    for line in multinode.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif section in EXAMPLES and line and not line.startswith("#"):
            continue
        elif line.startswith("localhost"):
            kept.append(
                'localhost ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"'
            )
            continue
        kept.append(line)
    return "\n".join(kept) + "\n"
