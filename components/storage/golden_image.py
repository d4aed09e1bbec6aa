"""Golden images: converted from QCOW2 to a protected RBD snapshot, registered in Glance by location."""

import pulumi

from components.storage.ceph_users import CephLogin
from config.image import ImageSpec, ImageStoreSpec
from config.resource_names import resource_name
from dynamic_providers.rbd_image.provider import RbdImage, RbdImageArgs
from program.resource_options import known_as


class GoldenImage(pulumi.ComponentResource):
    """A golden image.

    Makes one `RbdImage`: an RBD image in Glance's pool with a protected snapshot, and the Glance record that
    points at it. LOGIN is that of `store.ceph_user`, where this program makes that user. With FORMER at least one
    former generation stays: servers may have to go back to it.
    """

    glance_id: pulumi.Output[str]
    summary: dict[str, pulumi.Output[str] | pulumi.Output[int]]
    """What the stack exports: glance_id, location and size_bytes."""

    def __init__(
        self,
        name: str,
        spec: ImageSpec,
        *,
        store: ImageStoreSpec,
        login: CephLogin | None = None,
        former: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name, spelled = resource_name(name), name
        super().__init__(
            "private-cloud:image:GoldenImage", name, None, known_as(opts, name, spelled, spec.renamed_from)
        )
        image = RbdImage(
            name,
            RbdImageArgs(
                **spec.model_dump(exclude={"renamed_from", "sha256sums", "keep"}),
                keep=max(spec.keep, int(former)),
                cloud=store.cloud,
                pool=store.pool,
                ceph_user=login.user if login else store.ceph_user,
                ceph_conf=login.conf if login else str(store.ceph_conf) if store.ceph_conf else None,
                owner_stack=f"{pulumi.get_project()}/{pulumi.get_stack()}",
            ),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[login.after] if login else None, protect=bool(spec.adopt)
            ),
        )
        self.glance_id = image.glance_id
        self.summary = {
            "glance_id": image.glance_id,
            "location": image.location,
            "size_bytes": image.size_bytes,
        }
        self.register_outputs(self.summary)
