"""A golden image: QCOW2 or RAW to a protected RBD snapshot that Glance knows by location."""

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.rbd_image.provider import RbdImageArgs, RbdImageProvider

__all__ = ["RbdImage", "RbdImageArgs"]


class RbdImage(Resource, module="ceph", name="RbdImage"):
    """One golden image under one name; new content becomes a new generation of it.

    Makes, for the current generation, a queued Glance record, the RBD image of the same id with the
    protected snapshot ``snap``, and the record's location. See RbdImageArgs for what it declares.

    Attributes:
        glance_id: of the current generation; also its RBD image's name.
        location: ``rbd://FSID/POOL/ID/snap``.
        size_bytes: of the virtual disk.
        sha512: of the RAW disk, in hex; empty where none was computed.
        retired: Glance ids of former generations that are hidden: in use, or kept.
    """

    glance_id: pulumi.Output[str]
    location: pulumi.Output[str]
    size_bytes: pulumi.Output[int]
    sha512: pulumi.Output[str]
    retired: pulumi.Output[list[str]]

    def __init__(self, name: str, args: RbdImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("glance_id", "location", "size_bytes", "sha512", "retired", "damage"))
        super().__init__(RbdImageProvider(), name, {**args.model_dump(exclude_none=True), **outputs}, opts)
