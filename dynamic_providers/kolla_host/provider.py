"""The CRUD of a Kolla host, as a table of contents; the work is in the modules beside this one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from clients.errors import CloudError
from clients.progress import tell
from clients.ssh import SshHost
from dynamic_providers.base import DynamicProvider, Inputs, Outputs, ResourceState
from dynamic_providers.kolla_host import enrolment, inventory
from dynamic_providers.kolla_host.enrolment import Host
from dynamic_providers.kolla_host.probe import Disk, Found

_LOOKED_AT = {
    "address",
    "port",
    "user",
    "private_key_file",
    "host_key",
    "container_engine",
    "links",
    "vlans",
    "network",
    "osd_disks",
}
"""What the host itself is looked at for; a change of the rest needs no connection."""


class KollaHostArgs(Inputs):
    """What a Kolla host declares.

    Attributes:
        name: what the host calls itself; Kolla's name for it.
        address: its IP address, or name, on the management network.
        port: of its SSH server.
        user: the account there, root or one that becomes root by sudo without a password.
        private_key_file: path of that account's key, on the machine that runs Pulumi.
        host_key: the public SSH key it has to have; left out, the first one seen is kept.
        roles: Kolla's groups it is in.
        inventory: the inventory folder.
        inventory_vars: what goes beside ansible_host.
        kickstart: the text it is installed by.
        kickstart_file: where that is written.
        links: the two network interfaces of its bond.
        vlans: what these have to carry, besides the management VLAN.
        network: the text of the file that a host which runs makes its network from; left out, it stays as it is.
        osd_disks: paths of the disks for Ceph.
        container_engine: docker or podman.
        labels: the operator's own words for it.
    """

    name: str = Field(pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)
    address: str = Field(min_length=1)
    port: int = 22
    user: str = Field(min_length=1)
    private_key_file: str = Field(min_length=1)
    host_key: str | None = None
    roles: list[str] = Field(min_length=1)
    inventory: str = Field(min_length=1)
    inventory_vars: dict[str, str | list[str]] = Field(default_factory=dict)
    kickstart: str
    kickstart_file: str = Field(min_length=1)
    links: list[str] = Field(min_length=2, max_length=2)
    vlans: list[int] = Field(default_factory=list)
    network: str | None = None
    osd_disks: list[str] = Field(default_factory=list)
    container_engine: Literal["docker", "podman"] = "docker"
    labels: dict[str, str] = Field(default_factory=dict)


class KollaHostOutputs(Outputs):
    """What was written, and what the host is like.

    Attributes:
        fingerprint: SHA-256 of what Kolla makes of the host.
        inventory_file: its own file in the inventory.
        known_hosts_file: where its key is pinned, for ssh and Ansible.
        files: all that was written for it.
        seen_host_key: the key that is pinned.
        disks: size in bytes of each OSD disk.
        checked_disks: those that were clean when the host was enrolled; Ceph may have them by now.
        looked_at: SHA-256 of what the host was last looked at for.
        drift: how files are not as they were written, by the last refresh.
        unmet: what the host lacked at the last refresh.
    """

    fingerprint: str
    inventory_file: str
    known_hosts_file: str
    files: list[str]
    seen_host_key: str
    disks: dict[str, int] = Field(default_factory=dict)
    checked_disks: list[str] = Field(default_factory=list)
    looked_at: str
    drift: list[str] = Field(default_factory=list)
    unmet: list[str] = Field(default_factory=list)


class KollaHostProvider(DynamicProvider[KollaHostArgs, KollaHostOutputs]):
    """One host's place in Kolla's inventory, changed in place; under another name it is another host."""

    inputs_model = KollaHostArgs
    outputs_model = KollaHostOutputs
    replace_on: ClassVar[frozenset[str]] = frozenset({"name"})

    def needs_repair(self, outputs: KollaHostOutputs) -> bool:
        """What was edited by hand is put right by the next run; what a host lacks stops it, with what it is."""
        return bool(outputs.drift or outputs.unmet)

    def find_or_create(self, inputs: KollaHostArgs) -> tuple[str, KollaHostOutputs]:
        """Its kickstart first, which it may have to be installed by; the inventory last, once it is fit."""
        host = _host(inputs)
        enrolment.require_place(host)
        enrolment.write_kickstart(host)
        key = enrolment.pin(host, None)
        found = enrolment.settle_network(host, enrolment.first_look(host), checked_disks=())
        enrolment.require_fit(host, found, checked_disks=())
        enrolment.write_entry(host)
        return inputs.name, _outputs(inputs, host, key, found)

    def update_in_place(
        self, state: ResourceState[KollaHostArgs, KollaHostOutputs], inputs: KollaHostArgs
    ) -> KollaHostOutputs:
        """The same, but the host is looked at only where that can matter; files of former places go last."""
        host = _host(inputs)
        made = [Path(path) for path in state.outputs.files]
        enrolment.require_place(host, made)
        for sentence in state.outputs.drift:
            tell(f"host {host.name}: {sentence}; it is written anew from the stack file")
        enrolment.write_kickstart(host)
        key = enrolment.pin(host, state.outputs.seen_host_key)
        if state.outputs.unmet or state.outputs.looked_at != _looked_at(inputs):
            found = enrolment.settle_network(host, enrolment.look(host), state.outputs.checked_disks)
            enrolment.require_fit(host, found, state.outputs.checked_disks)
            outputs = _outputs(inputs, host, key, found)
        else:
            outputs = state.outputs.model_copy(update=_written(host, key) | {"drift": []})
        enrolment.write_entry(host)
        enrolment.forget(set(made) - set(host.files))
        return outputs

    def read_live(
        self, state: ResourceState[KollaHostArgs, KollaHostOutputs]
    ) -> tuple[KollaHostArgs, KollaHostOutputs] | None:
        """Files edited or lost, and what the host lacks, are to repair; one that does not answer is not gone."""
        outputs = state.outputs
        host = _host(state.inputs)
        drift = {"drift": enrolment.drift(host, outputs.seen_host_key)}
        try:
            found = enrolment.look(host)
        except CloudError as error:
            tell(f"{error} (what is known of it is kept)")
            return state.inputs, outputs.model_copy(update=drift)
        made = [Path(path) for path in outputs.files]
        unmet = (
            enrolment.network_drift(host, found)
            + enrolment.unmet(host, found, outputs.checked_disks)
            + enrolment.rivals(host, made)
        )
        return state.inputs, outputs.model_copy(update=drift | {"unmet": unmet} | _facts(found))

    def delete_live(self, state: ResourceState[KollaHostArgs, KollaHostOutputs]) -> None:
        """Out of the inventory first; the host itself is not touched."""
        enrolment.forget([Path(path) for path in reversed(state.outputs.files)])


def _host(inputs: KollaHostArgs) -> Host:
    folder = Path(inputs.inventory)
    target = SshHost(
        name=inputs.name,
        address=inputs.address,
        port=inputs.port,
        user=inputs.user,
        private_key_file=Path(inputs.private_key_file),
        known_hosts_file=inventory.known_hosts_of(folder, inputs.name),
    )
    return Host(
        entry=inventory.Entry(
            ssh=target,
            roles=inputs.roles,
            variables=inputs.inventory_vars,
            container_engine=inputs.container_engine,
            labels=inputs.labels,
        ),
        folder=folder,
        host_key=inputs.host_key,
        kickstart=inputs.kickstart,
        kickstart_file=Path(inputs.kickstart_file),
        links=inputs.links,
        vlans=inputs.vlans,
        network=inputs.network,
        osd_disks=inputs.osd_disks,
    )


def _outputs(inputs: KollaHostArgs, host: Host, key: str, found: Found) -> KollaHostOutputs:
    made = _written(host, key) | _facts(found)
    return KollaHostOutputs(**made, checked_disks=inputs.osd_disks, looked_at=_looked_at(inputs))


def _written(host: Host, key: str) -> dict[str, Any]:
    return {
        "fingerprint": host.entry.fingerprint,
        "inventory_file": str(host.inventory_file),
        "known_hosts_file": str(host.entry.ssh.known_hosts_file),
        "files": [str(path) for path in host.files],
        "seen_host_key": key,
    }


def _facts(found: Found) -> dict[str, Any]:
    # Not what an upgrade of the host's OS changes: a refresh would call it drift.
    return {"disks": {path: disk.size for path, disk in found.disks.items() if isinstance(disk, Disk)}}


def _looked_at(inputs: KollaHostArgs) -> str:
    return hashlib.sha256(inputs.model_dump_json(include=_LOOKED_AT).encode()).hexdigest()
