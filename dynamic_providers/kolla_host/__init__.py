"""A host for Kolla-Ansible: its kickstart, its own file in the inventory, and whether it is fit to be enrolled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi.dynamic import Resource

from dynamic_providers.kolla_host.provider import KollaHostArgs, KollaHostProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

__all__ = ["KollaHost", "KollaHostArgs"]


class KollaHost(Resource, module="kolla", name="KollaHost"):
    """One host: kickstart and inventory file written, its key pinned, found reachable and as declared.

    See KollaHostArgs for what it declares, KollaHostOutputs for what it finds out. Whatever runs Ansible on the
    host depends on it. Its removal takes it out of the inventory and does not touch the host.

    Attributes:
        fingerprint: changes with whatever Kolla makes of the host.
        inventory_file: its own file in the inventory.
        known_hosts_file: where its key is pinned.
        seen_host_key: that key, ``TYPE BASE64``.
        disks: size in bytes of each OSD disk.
    """

    fingerprint: pulumi.Output[str]
    inventory_file: pulumi.Output[str]
    known_hosts_file: pulumi.Output[str]
    seen_host_key: pulumi.Output[str]
    disks: pulumi.Output[dict[str, int]]

    def __init__(
        self,
        name: str,
        *,
        host_name: str,
        address: str,
        port: int,
        user: str,
        private_key_file: str,
        host_key: str | None,
        roles: Sequence[str],
        inventory: str,
        inventory_vars: Mapping[str, str | Sequence[str]],
        kickstart: pulumi.Input[str],
        kickstart_file: str,
        links: Sequence[str],
        vlans: Sequence[int],
        network: str,
        osd_disks: Sequence[str],
        container_engine: str,
        labels: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        declared: dict[str, Any] = {
            "name": host_name,
            "address": address,
            "port": port,
            "user": user,
            "private_key_file": private_key_file,
            "roles": sorted(roles),  # a set: no order
            "inventory": inventory,
            "inventory_vars": dict(inventory_vars),
            "kickstart": kickstart,
            "kickstart_file": kickstart_file,
            "links": list(links),
            "vlans": sorted(vlans),
            "network": network,
            "osd_disks": sorted(osd_disks),
            "container_engine": container_engine,
            "labels": dict(labels),
        }
        if host_key:
            declared["host_key"] = host_key
        found_out = (
            "fingerprint",
            "inventory_file",
            "known_hosts_file",
            "seen_host_key",
            "disks",
        )
        super().__init__(KollaHostProvider(), name, {**declared, **dict.fromkeys(found_out)}, opts)
