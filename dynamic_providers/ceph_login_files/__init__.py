"""A cephx user's login as files: ceph.conf and keyrings, which every client of Ceph reads as they are."""

from collections.abc import Mapping

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.ceph_login_files.provider import CephLoginFilesArgs, CephLoginFilesProvider

__all__ = ["CephLoginFiles", "CephLoginFilesArgs"]


class CephLoginFiles(Resource, module="ceph", name="LoginFiles"):
    """Files of mode 0600 in one folder of the machine that runs pulumi.

    See CephLoginFilesArgs for what it declares; `texts` is kept as a secret.
    """

    def __init__(
        self,
        name: str,
        *,
        folder: str,
        texts: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["texts"])
        super().__init__(
            CephLoginFilesProvider(),
            name,
            {"folder": folder, "texts": pulumi.Output.secret(texts), "names": None, "damage": None},
            pulumi.ResourceOptions.merge(opts, secret),
        )
