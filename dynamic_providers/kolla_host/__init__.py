"""A host for Kolla-Ansible: its kickstart, its own file in the inventory, and whether it is fit to be enrolled."""

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.kolla_host.declared import KollaHostArgs
from dynamic_providers.kolla_host.provider import KollaHostProvider

__all__ = ["KollaHost", "KollaHostArgs"]


class KollaHost(Resource, module="kolla", name="KollaHost"):
    """One host: kickstart and inventory file written, its key pinned, found reachable and as declared.

    See KollaHostArgs for what it declares, KollaHostOutputs for what it finds out. Whatever runs Ansible on the
    host depends on it. Its removal takes it out of the inventory and does not touch the host.

    Attributes:
        seen_host_key: that key, ``TYPE BASE64``.
        disks: size in bytes of each OSD disk.
    """

    seen_host_key: pulumi.Output[str]
    disks: pulumi.Output[dict[str, int]]

    def __init__(self, name: str, args: KollaHostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("seen_host_key", "disks"))
        declared = args.model_dump(mode="json", exclude_none=True)
        super().__init__(KollaHostProvider(), name, {**declared, **outputs}, opts)
