"""What becomes of generations that are no longer their name's image: kept, hidden while they are in use, collected."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from clients import glance, rbd
from clients.errors import InUseError
from config.image import WhenUsed
from dynamic_providers.rbd_image import generation, locations
from dynamic_providers.rbd_image.generation import ImageBackends


@dataclass(frozen=True)
class Rotation:
    """How a golden image treats generations that are no longer current.

    Attributes:
        keep: how many former generations stay, hidden, whether anything uses them or not; the newest.
        when_used: what removing the image does with generations that have clones: "refuse", and name the clones;
            "hide" them until the last clone is gone; "trash" them, so that only RBD's trash still has their data.
            A former generation never stops its successor: with "refuse" it is hidden.
    """

    keep: int = 0
    when_used: WhenUsed = "refuse"

    def retire(self, cloud: ImageBackends, former: list[glance.Record]) -> list[str]:
        """Keep and hide the newest, remove the others; one in use is hidden or trashed. The ids of what is left."""
        kept = []
        for record, spare in self._spare(former):
            try:
                if not spare:
                    generation.remove(cloud, record, to_trash=self.when_used == "trash")
                    continue
            except InUseError:
                pass
            glance.retire(cloud.conn, record, "replaced")
            kept.append(record["id"])
        return kept

    def collectable(self, cloud: ImageBackends, former: list[glance.Record]) -> Iterator[glance.Record]:
        """Those that the next update will remove: nothing uses them any more."""
        for record, spare in self._spare(former):
            if not spare and _is_free(cloud, record):
                yield record

    def remove(self, cloud: ImageBackends, record: glance.Record) -> None:
        """Remove a generation together with its image.

        Raises:
            InUseError: it has clones, and is to be refused then or cannot go to the trash.
            CloudError: it is protected.
        """
        try:
            generation.remove(cloud, record, to_trash=self.when_used == "trash")
        except InUseError:
            if self.when_used != "hide" or record["protected"]:
                raise
            glance.retire(cloud.conn, record, "removed")

    def refusal(self, cloud: ImageBackends, record: glance.Record) -> str | None:
        """Why `remove` would refuse, asked without changing anything; None where it would not."""
        if record["protected"]:
            return glance.protection(record)
        try:
            generation.refuse_if_used(cloud, record, to_trash=self.when_used == "trash")
        except InUseError as error:
            return None if self.when_used == "hide" else str(error)
        return None

    def _spare(self, former: list[glance.Record]) -> Iterator[tuple[glance.Record, bool]]:
        """Each with whether it is one of the newest that stay; what was never finished is none of them."""
        left = self.keep
        for record in sorted(former, key=lambda record: str(record["created_at"]), reverse=True):
            spare = left > 0 and record["status"] in glance.FINISHED
            left -= spare
            yield record, spare


def former(cloud: ImageBackends, owner_tags: Mapping[str, str], current: str) -> list[glance.Record]:
    """Every other generation of the golden image, the unfinished ones too; none that was published."""
    wanted = {key: owner_tags[key] for key in (glance.TAG_STACK, glance.TAG_IMAGE)}
    return [
        record
        for record in glance.generations(cloud.conn, wanted)
        if record["id"] != current and glance.TAG_PUBLISHED not in record
    ]


def removed(cloud: ImageBackends, stack: str, image: str) -> list[glance.Record]:
    """What other images of the stack left behind, hidden, when they were removed while in use."""
    wanted = {glance.TAG_STACK: stack, glance.TAG_REMOVED: "true"}
    return [
        record for record in glance.generations(cloud.conn, wanted) if record.get(glance.TAG_IMAGE) != image
    ]


def collect(cloud: ImageBackends, left_behind: list[glance.Record]) -> None:
    """Remove those of them that nothing uses any more."""
    for record in left_behind:
        with suppress(InUseError):
            generation.remove(cloud, record)


def free(cloud: ImageBackends, records: list[glance.Record]) -> list[glance.Record]:
    """Those that nothing uses, as far as this cephx user may see."""
    return [record for record in records if _is_free(cloud, record)]


def _is_free(cloud: ImageBackends, record: glance.Record) -> bool:
    try:
        return not rbd.users(cloud.pool, record["id"]) and not locations.also_shown_by(
            cloud.conn, cloud.pool, record
        )
    except InUseError:
        return False
