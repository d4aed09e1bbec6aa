"""What a generation's record in Glance should say, from what is declared; and what a record says in the same words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clients import glance
from config.image import Image

_IN_GLANCE = {
    "name": "name",
    "visibility": "visibility",
    "protected": "protected",
    "min_disk_gb": "min_disk",  # GB (10^9 bytes) in Glance's words, GiB in Nova's practice
    "min_ram_mb": "min_ram",
}
"""Fields of an image that its record has too, beside the properties, by our names and Glance's."""


@dataclass(frozen=True)
class Wanted:
    """What a record should say, but for its id.

    Attributes:
        image: what is declared.
        owner_tags: the properties by which this project finds its records.
        published: whether it waits for its stack to take it.
        hidden: whether it is left out of lists.
    """

    image: Image
    owner_tags: Mapping[str, str]
    published: bool = False
    hidden: bool = False

    def fields(self) -> glance.Record:
        """The record's fields as Glance's API names them."""
        return {
            **{theirs: getattr(self.image, ours) for ours, theirs in _IN_GLANCE.items()},
            "os_hidden": self.hidden,
            **self.image.properties,
            **self.owner_tags,
            **({glance.TAG_PUBLISHED: "true"} if self.published else {}),
        }


def declared_by(record: glance.Record) -> dict[str, Any]:
    """The fields of an image that RECORD has."""
    fields = {ours: record[theirs] for ours, theirs in _IN_GLANCE.items()}
    return {**fields, "properties": glance.custom_properties(record)}
