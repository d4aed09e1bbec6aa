"""The operator's part of Kolla-Ansible's folder: globals.yml and passwords.yml."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.configuration import File
from lab.hosts import keys
from lab.registry import fake_images
from lab.secret import KOLLA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.settings import Lab

SSH_KEYS = ("nova_ssh_key", "neutron_ssh_key")  # {private_key, public_key}


def folder(lab: Lab) -> Path:
    """Return Kolla's configdir, by a name that stays valid while the lab is down."""
    return lab.folder / "etc" / "kolla"


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render globals.yml and passwords.yml (JSON is YAML): what is so in this lab, whatever a stack declares."""
    site = {
        "docker_registry": f"{lab.machine_address}:{lab.ports.registry}",
        "docker_namespace": fake_images.NAMESPACE,
        "openstack_tag": fake_images.TAG,
        # Where the control plane would be: the lab's own listens on loopback, and no fake asks it anything.
        "kolla_internal_vip_address": lab.machine_address,
        "database_address": lab.machine_address,
        "database_port": lab.ports.mariadb,
        # A simulated host's clock is this machine's.
        "prechecks_enable_host_ntp_checks": False,
        # A network namespace has not all that Kolla would set, and the rest is this machine's.
        "set_sysctl": False,
        # They would ask fake images, which are always well, and cost two cores a good part of one.
        "enable_container_healthchecks": False,
    }
    passwords: dict[str, object] = {name: secrets[f"kolla/{name}"] for name in KOLLA}
    for name in SSH_KEYS:
        private = key(lab, name)
        passwords[name] = {"private_key": private.read_text(), "public_key": keys.public(private)}
    return (
        File(folder(lab) / "globals.yml", json.dumps(site, indent=1) + "\n"),
        File(folder(lab) / "passwords.yml", json.dumps(passwords, indent=1) + "\n"),
    )


def key(lab: Lab, name: str) -> Path:
    """Return where a key is made that goes into passwords.yml."""
    return lab.etc / "kolla-keys" / name


def make(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Write it; the folders for what the project writes are there, and empty at first."""
    for name in SSH_KEYS:
        keys.make(key(lab, name), name, lab.log / "make-hosts.log")
    for name in ("config", "inventory"):
        (folder(lab) / name).mkdir(parents=True, exist_ok=True)
    for file in files(lab, secrets):
        file.write()
