"""The CRUD of a golden image."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pulumi
from pydantic import Field

from clients import glance, rbd
from config.image import Image
from dynamic_providers.base import DynamicProvider, DynamicResource, Inputs, Outputs, ResourceState
from dynamic_providers.rbd_image import adoption, generation, rotation, source, store
from dynamic_providers.rbd_image.rotation import Rotation
from dynamic_providers.rbd_image.wanted import Wanted, declared_by


class RbdImageArgs(Image, Inputs):
    """What a golden image declares, and how it gets to Ceph and Glance. The resource's id is the image's first name.

    Attributes:
        name: as in the stack file; in state also a name that somebody else gave it and a stack file may not.
        properties: the same.
        sha256: of the source as it is published, in hex. Other content is a new generation under the same name.
        cloud: entry of clouds.yaml with which Glance is used.
        pool: RBD pool of Glance's store.
        ceph_user: cephx user, without ``client.``.
        ceph_conf: path of ceph.conf; $CEPH_CONF or /etc/ceph/ceph.conf if none is given.
        owner_stack: ``project/stack``: whose image it is; part of its identity.
    """

    name: str = Field(min_length=1, max_length=255)
    properties: dict[str, str] = Field(default_factory=dict)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    cloud: str = Field(min_length=1)
    pool: str = Field(min_length=1)
    ceph_user: str = Field(min_length=1)
    ceph_conf: str | None = None
    owner_stack: str = Field(min_length=1)


class RbdImageOutputs(Outputs):
    """What an import found out.

    Attributes:
        glance_id: of the current generation; also its RBD image's name.
        location: ``rbd://FSID/POOL/ID/snap``.
        size_bytes: of the virtual disk.
        sha512: of the RAW disk, as Glance has it; empty where it has none.
        retired: Glance ids of former generations that are hidden: in use, or kept.
        damage: what a refresh found that the next update mends; empty when all is well.
    """

    glance_id: str
    location: str
    size_bytes: int
    sha512: str = ""
    retired: list[str] = Field(default_factory=list)
    damage: list[str] = Field(default_factory=list)


State = ResourceState[RbdImageArgs, RbdImageOutputs]


class RbdImageProvider(DynamicProvider[RbdImageArgs, RbdImageOutputs]):
    """Golden images in Ceph that Glance knows by location: one resource a name, whatever its content."""

    replace_on = frozenset({"pool"})
    connection_fields = frozenset({"cloud", "ceph_user", "ceph_conf", "when_used"})
    create_only_fields = frozenset({"source", "source_format", "verify", "hash", "adopt"})

    def find_or_create(self, inputs: RbdImageArgs) -> tuple[str, RbdImageOutputs]:
        """Import the content, or take what is there; remove what an interrupted run left under this name."""
        if inputs.adopt:
            with _cloud(inputs) as cloud:
                adoption.adopt(cloud, inputs.adopt, _wanted(inputs.name, inputs))
        return inputs.name, self._bring_to(inputs.name, inputs, inputs.adopt, ahead=not inputs.adopt)

    def update_in_place(self, state: State, inputs: RbdImageArgs) -> RbdImageOutputs:
        """Change the record; new content is a new generation, and the former goes once that is active."""
        return self._bring_to(
            state.id, inputs, state.outputs.glance_id, ahead=False
        )  # most change only the record

    def read_live(self, state: State) -> State | None:
        """Gone is: no record, or no snapshot behind it."""
        inputs = state.inputs
        with _cloud(inputs) as cloud:
            record = glance.get(cloud.conn, state.outputs.glance_id)
            stored = store.inspect(cloud.ioctx, state.outputs.glance_id)
            if record is None or record["status"] not in glance.FINISHED or not (stored and stored.snapshot):
                return None
            former = rotation.former(cloud, _wanted(state.id, inputs).owner_tags, record["id"])
            damage = [
                f"former generation {item['id']} can go"
                for item in _rotation(inputs).collectable(cloud, former)
            ]
            damage += [
                f"image {item['name']!r} ({item['id']}) can go"
                for item in rotation.free(cloud, rotation.removed(cloud, inputs.owner_stack, state.id))
            ]
            if not stored.protected:
                damage.append(f"snapshot {rbd.SNAPSHOT} is not protected")
            return State(
                state.id,
                inputs.model_copy(update=declared_by(record)),
                _outputs(cloud, record, [item["id"] for item in former], damage),
            )

    def delete_live(self, state: State) -> None:
        """Remove every generation, the current one last, and what was published for it."""
        with _cloud(state.inputs) as cloud:
            how = _rotation(state.inputs)
            records = list(_all_of(cloud, state.id, state.inputs, state.outputs))
            for record in records:
                how.remove(cloud, record)
            if state.outputs.glance_id not in {record["id"] for record in records}:
                store.remove(cloud.ioctx, state.outputs.glance_id)

    def delete_refusals(self, state: State) -> list[str]:
        """Clones, Glance's protection, and what the cephx user cannot tell."""
        with _cloud(state.inputs) as cloud:
            how = _rotation(state.inputs)
            records = _all_of(cloud, state.id, state.inputs, state.outputs)
            found = [how.refusal(cloud, record) for record in records]
        return [sentence for sentence in found if sentence]

    def _bring_to(
        self, id_: str, inputs: RbdImageArgs, current: str | None, *, ahead: bool
    ) -> RbdImageOutputs:
        wanted = _wanted(id_, inputs)
        with (
            source.opening(inputs, inputs.sha256, ahead=ahead) as opened,
            _cloud(inputs) as cloud,
        ):
            record = generation.ensure(cloud, opened, wanted, current)
            kept = _rotation(inputs).retire(cloud, rotation.former(cloud, wanted.owner_tags, record["id"]))
            rotation.collect(cloud, rotation.removed(cloud, inputs.owner_stack, id_))
            return _outputs(cloud, record, kept, [])


def _cloud(inputs: RbdImageArgs) -> AbstractContextManager[generation.ImageBackends]:
    return generation.cloud(inputs.cloud, inputs.pool, inputs.ceph_user, inputs.ceph_conf)


def _all_of(
    cloud: generation.ImageBackends, id_: str, inputs: RbdImageArgs, outputs: RbdImageOutputs
) -> Iterator[glance.Record]:
    """Every generation, the current one last, what was published for it first."""
    yield from generation.published(cloud, inputs.owner_stack, (id_, inputs.name))
    yield from rotation.former(cloud, _wanted(id_, inputs).owner_tags, outputs.glance_id)
    if current := glance.get(cloud.conn, outputs.glance_id):
        yield current


def _rotation(inputs: RbdImageArgs) -> Rotation:
    return Rotation(inputs.keep, inputs.when_used)


def _wanted(id_: str, inputs: RbdImageArgs) -> Wanted:
    return Wanted(inputs, glance.owner_tags(inputs.owner_stack, id_, inputs.sha256))


def _outputs(
    cloud: generation.ImageBackends, record: glance.Record, retired: list[str], damage: list[str]
) -> RbdImageOutputs:
    return RbdImageOutputs(
        glance_id=record["id"],
        location=cloud.location(record["id"]),
        size_bytes=record["size"],
        sha512=record["os_hash_value"] or "",
        retired=retired,
        damage=damage,
    )


class RbdImage(DynamicResource, module="ceph", name="RbdImage"):
    """One golden image under one name; new content becomes a new generation of it.

    Makes, for the current generation, a queued Glance record, the RBD image of the same id with the
    protected snapshot ``snap``, and the record's location. See RbdImageArgs for what it declares.
    """

    made_by = RbdImageProvider

    glance_id: pulumi.Output[str]
    location: pulumi.Output[str]
    size_bytes: pulumi.Output[int]
