"""The CRUD of a Kolla host."""

import hashlib
from pathlib import Path
from typing import Any

from pydantic import Field

from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.base import DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.kolla_host import enrolment
from dynamic_providers.kolla_host.declared import KollaHostArgs
from dynamic_providers.kolla_host.probe import Disk, Found

_LOOKED_AT = {"ssh", "host_key", "container_engine", "links", "vlans", "network", "osd_disks"}
"""What the host itself is looked at for; a change of the rest needs no connection."""


class KollaHostOutputs(Outputs):
    """What was written, and what the host is like.

    Attributes:
        files: all that was written for it.
        seen_host_key: the key that is pinned.
        disks: size in bytes of each OSD disk.
        checked_disks: those that were clean when the host was enrolled; Ceph may have them by now.
        looked_at: SHA-256 of what the host was last looked at for.
        drift: how files are not as they were written, by the last refresh.
        unmet: what the host lacked at the last refresh.
    """

    files: list[str]
    seen_host_key: str
    disks: dict[str, int] = Field(default_factory=dict)
    checked_disks: list[str] = Field(default_factory=list)
    looked_at: str
    drift: list[str] = Field(default_factory=list)
    unmet: list[str] = Field(default_factory=list)


State = ResourceState[KollaHostArgs, KollaHostOutputs]


class KollaHostProvider(DynamicProvider[KollaHostArgs, KollaHostOutputs]):
    """One host's place in Kolla's inventory, changed in place."""

    connection_fields = frozenset({"command"})

    def find_or_create(self, inputs: KollaHostArgs) -> tuple[str, KollaHostOutputs]:
        """Its kickstart first, which it may have to be installed by; the inventory last, once it is fit."""
        enrolment.require_place(inputs)
        enrolment.write_kickstart(inputs)
        key = enrolment.pin(inputs, None)
        found = enrolment.settle_network(inputs, enrolment.first_look(inputs), checked_disks=())
        enrolment.require_fit(inputs, found, checked_disks=())
        enrolment.write_entry(inputs)
        return inputs.name, _outputs(inputs, key, found)

    def update_in_place(self, state: State, inputs: KollaHostArgs) -> KollaHostOutputs:
        """The same, but the host is looked at only where that can matter; files of former places go last."""
        made = [Path(path) for path in state.outputs.files]
        enrolment.require_place(inputs, made)
        for sentence in state.outputs.drift:
            log_line(f"host {inputs.name}: {sentence}; it is written anew from the stack file")
        enrolment.write_kickstart(inputs)
        key = enrolment.pin(inputs, state.outputs.seen_host_key)
        if state.outputs.unmet or state.outputs.looked_at != _looked_at(inputs):
            found = enrolment.settle_network(inputs, enrolment.look(inputs), state.outputs.checked_disks)
            enrolment.require_fit(inputs, found, state.outputs.checked_disks)
            outputs = _outputs(inputs, key, found)
        else:
            outputs = state.outputs.model_copy(update=_written(inputs, key) | {"drift": []})
        enrolment.write_entry(inputs)
        enrolment.forget(set(made) - set(inputs.files))
        return outputs

    def read_live(self, state: State) -> State | None:
        """Files edited or lost, and what the host lacks, are to repair; one that does not answer is not gone."""
        host, outputs = state.inputs, state.outputs
        drift = {"drift": enrolment.drift(host, outputs.seen_host_key)}
        try:
            found = enrolment.look(host)
        except CloudError as error:
            log_line(f"{error} (what is known of it is kept)")
            return state.found(**drift)
        made = [Path(path) for path in outputs.files]
        unmet = enrolment.lacks(host, found, outputs.checked_disks, made)
        return state.found(**drift, unmet=unmet, **_facts(found))

    def delete_live(self, state: State) -> None:
        """Out of the inventory first; the host itself is not touched."""
        enrolment.forget([Path(path) for path in reversed(state.outputs.files)])


def _outputs(inputs: KollaHostArgs, key: str, found: Found) -> KollaHostOutputs:
    made = _written(inputs, key) | _facts(found)
    return KollaHostOutputs(**made, checked_disks=inputs.osd_disks, looked_at=_looked_at(inputs))


def _written(inputs: KollaHostArgs, key: str) -> dict[str, Any]:
    return {"files": [str(path) for path in inputs.files], "seen_host_key": key}


def _facts(found: Found) -> dict[str, Any]:
    # Not what an upgrade of the host's OS changes: a refresh would call it drift.
    return {"disks": {path: disk.size for path, disk in found.disks.items() if isinstance(disk, Disk)}}


def _looked_at(inputs: KollaHostArgs) -> str:
    pinned = {"ssh": {"known_hosts_file"}}  # it lies in the inventory, and moves with it
    return hashlib.sha256(inputs.model_dump_json(include=_LOOKED_AT, exclude=pinned).encode()).hexdigest()


class KollaHost(DynamicResource, module="kolla", name="KollaHost"):
    """One host: kickstart and inventory file written, its key pinned, found reachable and as declared.

    See KollaHostArgs for what it declares, KollaHostOutputs for what it finds out. Whatever runs Ansible on the
    host depends on it. Its removal takes it out of the inventory and does not touch the host.
    """

    made_by = KollaHostProvider
