"""A cephx user: who may do what in Ceph, with the key that proves it."""

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.ceph_user.provider import CephUserArgs, CephUserProvider

__all__ = ["CephUser", "CephUserArgs"]


class CephUser(Resource, module="ceph", name="User"):
    """One cephx user and its key. See CephUserArgs for what it declares.

    Attributes:
        key: in base64; a secret output.
        fsid: of the cluster.
        mon_host: the monitors' addresses, as ceph.conf writes them.
    """

    key: pulumi.Output[str]
    fsid: pulumi.Output[str]
    mon_host: pulumi.Output[str]

    def __init__(self, name: str, args: CephUserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("key", "fsid", "mon_host"))
        secret = pulumi.ResourceOptions(additional_secret_outputs=["key"])
        super().__init__(
            CephUserProvider(),
            name,
            {**args.model_dump(exclude_none=True), **outputs},
            pulumi.ResourceOptions.merge(opts, secret),
        )
