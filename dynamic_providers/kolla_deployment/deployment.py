"""What is declared of all hosts of a stack, and the fingerprint by which a host's marker is judged."""

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field, field_validator

from clients.errors import CloudError
from clients.managed_host import ManagedHost
from dynamic_providers.base import CloudInputs
from dynamic_providers.kolla_deployment import groups
from dynamic_providers.kolla_deployment.ceph_host import Clouds

VERIFY = "verify"
HAND_OVER = "ceph"
"""Our own steps, in markers beside Kolla's: services report; a storage host is handed to Ceph's orchestrator."""
GLOBALS = Path("globals.d") / "private-cloud.yml"
HEADER = "# Made by this cloud's Pulumi program from its stack file; do not edit.\n"
STARTING = frozenset({"deploy", "deploy-containers", "reconfigure", "upgrade"})


class DeployedHost(ManagedHost):
    """A host as a deployment is told of it.

    Attributes:
        removal: what is done about instances, routers and DHCP networks on it when it goes.
        osd_disks: paths of its disks for Ceph.
    """

    removal: Literal["refuse", "drain"]
    osd_disks: list[str]


class KollaDeploymentArgs(CloudInputs):
    """What a deployment declares.

    Attributes:
        stack: whose hosts these are; stands in their markers.
        hosts: by name; each has its own file in the inventory already.
        inventory_vars: what is in each of these files beside ansible_host.
        configdir: folder of globals.yml and passwords.yml, which are read and never written.
        config_folder: Kolla's node_custom_config, which gets service_config.
        command: Kolla-Ansible's program.
        steps: Kolla-Ansible's commands, in their order.
        globals: Kolla's variables as YAML, delivered as configdir/globals.d/private-cloud.yml.
        service_config: texts by their path in config_folder.
        ceph_user: cephx user without ``client.``; left out where no Ceph is looked at.
        ceph_conf: path of ceph.conf.
    """

    stack: str = Field(min_length=1)
    hosts: dict[str, DeployedHost]
    inventory_vars: dict[str, str | list[str]] = Field(default_factory=dict)
    configdir: str = Field(min_length=1)
    config_folder: str = Field(min_length=1)
    inventory: str = Field(min_length=1)
    command: str = "kolla-ansible"
    steps: list[str] = Field(min_length=1)
    globals: str = ""
    service_config: dict[str, str] = Field(default_factory=dict)
    ceph_user: str | None = None
    ceph_conf: str | None = None

    @field_validator("hosts")
    @classmethod
    def _by_name(cls, hosts: dict[str, DeployedHost]) -> dict[str, DeployedHost]:
        return dict(sorted(hosts.items()))

    @property
    def clouds(self) -> Clouds:
        """OpenStack and Ceph."""
        return Clouds(self.cloud, self.ceph_user, self.ceph_conf)

    def rendered(self) -> dict[Path, str]:
        """The texts of the files that all hosts share."""
        inventory, configdir = Path(self.inventory), Path(self.configdir)
        if not inventory.is_dir():
            raise CloudError(f"the inventory {inventory} is not a folder: give one as kolla.inventory")
        texts = {configdir / GLOBALS: HEADER + self.globals}
        if groups.defined_elsewhere(inventory) is None:
            texts[inventory / groups.FILE] = HEADER + groups.without_hosts(groups.shipped(self.command))
        return texts | {Path(self.config_folder, path): text for path, text in self.service_config.items()}

    def wanted(self, name: str) -> str:
        """The fingerprint of all that Kolla makes of a host: what others have to do with it is in it too.

        Every host's configuration names the control hosts, and theirs and the network hosts' the network hosts;
        a monitoring host's names everybody. How the hosts are reached is not in it, nor are their labels.
        """
        host = self.hosts[name]
        spoken_of = {"control"}
        if not {"control", "network"}.isdisjoint(host.roles):
            spoken_of.add("network")
        watches = "monitoring" in host.roles
        peers = {
            other: [one.ssh.address, *sorted(one.roles)]
            for other, one in self.hosts.items()
            if other != name and (watches or not spoken_of.isdisjoint(one.roles))
        }
        # Kolla takes nova/HOST/nova.conf for that host alone.
        others = self.hosts.keys() - {name}
        overrides = {
            path: text
            for path, text in self.service_config.items()
            if others.isdisjoint(PurePosixPath(path).parent.parts)
        }
        own = {
            "name": name,
            "address": host.ssh.address,
            "roles": sorted(host.roles),
            "variables": self.inventory_vars,
            "container_engine": host.container_engine,
        }
        parts = [own, self.globals, overrides, peers]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def all_steps(self, name: str, skipped: frozenset[str] = frozenset()) -> list[str]:
        """Kolla's steps and our own for a host, without those that cannot run here."""
        steps = [step for step in self.steps if step not in skipped]
        if STARTING.isdisjoint(steps):
            return steps
        return [*steps, VERIFY, *([HAND_OVER] if "storage" in self.hosts[name].roles else [])]
