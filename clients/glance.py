"""The records of generations in Glance: find, create, change, delete; dynamic_providers/rbd_image tells it where the data is.

API: https://docs.openstack.org/api-ref/image/v2/. Requests are made at the REST level, because the SDK's
``create_image`` adds properties of its own and decides by content whether to upload.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from openstack import exceptions
from requests import Response

from clients import exact
from clients.errors import CloudError, InUseError

if TYPE_CHECKING:
    from openstack.connection import Connection

TAG_STACK = "private_cloud_stack"
TAG_IMAGE = "private_cloud_image"
TAG_SHA256 = "private_cloud_source_sha256"
TAG_PUBLISHED = "private_cloud_published"
"""On what was published for a stack that has not taken it yet; no former generation, though not the current one."""
TAG_REMOVED = "private_cloud_removed"
"""On what was in use when its image was removed: it goes when the last clone is gone."""
TAG_PREFIX = "private_cloud_"
# What Glance manages under its own names; everything else on a record is a property of somebody's.
CORE_FIELDS = frozenset(
    (
        *("id", "name", "status", "visibility", "owner", "tags", "size", "virtual_size", "checksum"),
        *("os_hash_algo", "os_hash_value", "os_hidden", "protected", "min_disk", "min_ram", "disk_format"),
        *(
            "container_format",
            "created_at",
            "updated_at",
            "self",
            "file",
            "schema",
            "locations",
            "direct_url",
        ),
        "stores",
    )
)
RESERVED_PREFIXES = (TAG_PREFIX, "os_glance_", "os_hash_", "owner_specified.openstack.")
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"

BUSY = frozenset({502, 503, 504})  # 503 was asked again before anybody sees it here
_REFUSALS = frozenset(range(400, 500)) - {
    HTTPStatus.NOT_FOUND,  # what these three mean is the callers' business
    HTTPStatus.CONFLICT,
    HTTPStatus.GONE,
}

FINISHED = frozenset({"active", "deactivated"})  # has its data; anything else is on its way or broken


Record = dict[str, Any]


def owner_tags(stack: str, image: str, sha256: str) -> dict[str, str]:
    """What this project finds a generation's records by: whose image it is, its first name, its source's digest."""
    return {TAG_STACK: stack, TAG_IMAGE: image, TAG_SHA256: sha256}


def is_managed(key: str) -> bool:
    """Whether a field of a record is Glance's own or one of this project's tags, no custom property."""
    return key in CORE_FIELDS or key.startswith(RESERVED_PREFIXES)


def custom_properties(record: Record) -> dict[str, str]:
    """The properties that an operator or user put on the record: not Glance's own, not the tags."""
    return {key: str(value) for key, value in record.items() if not is_managed(key)}


def generations(conn: "Connection", owner_tags: Mapping[str, str]) -> list[Record]:
    """Every record of this project's that carries exactly these tags, whatever its status, hidden ones last."""
    ours = {**owner_tags, "owner": str(conn.current_project_id)}
    return [
        record
        for hidden in ("false", "true")
        for record in listed(conn, ours, {"visibility": "all", "os_hidden": hidden})
    ]


def listed(conn: "Connection", exactly: Mapping[str, str], also: Mapping[str, str]) -> list[Record]:
    """Every record whose fields are exactly these, and that passes Glance's other filters."""
    response, found = exact.listed(conn.image, "images", exactly, also)
    exceptions.raise_from_response(response)
    return found


def get(conn: "Connection", image_id: str) -> Record | None:
    """The record, or None if it is gone."""
    response = conn.image.get(f"/images/{image_id}")
    return None if response.status_code == HTTPStatus.NOT_FOUND else parsed(response)


def create(conn: "Connection", image_id: str, fields: Record) -> Record | None:
    """Create an empty (queued), hidden record with these fields; None if a record that is deleted now had the id before.

    Glance keeps the ids of deleted records until its database is purged and gives none of them twice.
    """
    body = {
        **fields,
        "id": image_id,
        "disk_format": "raw",
        "container_format": "bare",
        "protected": False,  # until it is active, so that a failed import can be taken back
        "os_hidden": True,
    }
    response = conn.image.post("/images", json=body)
    return None if response.status_code == HTTPStatus.CONFLICT else checked(response, fields)


def apply(conn: "Connection", record: Record, fields: Record) -> Record:
    """Bring a record to these fields, with one PATCH of the differences; nothing is sent if it is there."""
    changes = _operations(record, fields)
    changes += [
        {"op": "remove", "path": f"/{_pointer(key)}"}
        for key in (*custom_properties(record), TAG_PUBLISHED, TAG_REMOVED)
        if key in record and key not in fields
    ]
    if not changes:
        return record
    return checked(patch(conn, record["id"], changes), fields)


def retire(conn: "Connection", record: Record, became: Literal["replaced", "removed"]) -> None:
    """Hide a record that has to stay, and say in its name what became of the image and when."""
    if record["os_hidden"] and (became == "replaced" or TAG_REMOVED in record):
        return
    date = datetime.now(tz=UTC).date().isoformat()
    changes = {
        "os_hidden": True,
        "name": f"{record[TAG_IMAGE]} ({became} {date})",
        "protected": False,
        **({TAG_REMOVED: "true"} if became == "removed" else {}),
    }
    checked(patch(conn, record["id"], _operations(record, changes)))


def protection(record: Record) -> str:
    """The sentence for a record that Glance refuses to delete."""
    return (
        f"image {record['name']!r} ({record['id']}) is protected in Glance: set `protected: false`, run `pulumi up`, and "
        "remove it then."
    )


def delete(conn: "Connection", record: Record) -> None:
    """Delete a record and with it, through Glance's rbd driver, its RBD image; gone already is success.

    Raises:
        CloudError: the record is protected, or the account may not delete it.
        InUseError: the snapshot has clones.
    """
    response = conn.image.delete(f"/images/{record['id']}")
    if response.status_code == HTTPStatus.NOT_FOUND:
        return
    if response.status_code == HTTPStatus.FORBIDDEN and record["protected"]:
        raise CloudError(protection(record))
    if response.status_code == HTTPStatus.CONFLICT:
        raise InUseError(
            f"image {record['name']!r} ({record['id']}) is in use, says Glance: {words_of(response)}"
        )
    exceptions.raise_from_response(response)


def _operations(record: Record, fields: Record) -> list[dict[str, Any]]:
    return [
        {"op": "replace" if key in record else "add", "path": f"/{_pointer(key)}", "value": value}
        for key, value in fields.items()
        if record.get(key) != value
    ]


def _pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def patch(conn: "Connection", image_id: str, changes: list[dict[str, Any]]) -> Response:
    """Ask for changes of a record, as RFC 6902 writes them; the answer is not looked at."""
    response: Response = conn.image.patch(
        f"/images/{image_id}", json=changes, headers={"Content-Type": PATCH_TYPE}
    )
    return response


def parsed(response: Response) -> dict[str, Any]:
    """The body of an answer.

    Raises:
        SDKException: it is an error.
    """
    exceptions.raise_from_response(response)
    body: dict[str, Any] = response.json()
    return body


def words_of(response: Response) -> str:
    """What a refusal says; empty where the answer is none."""
    try:
        exceptions.raise_from_response(response)
    except exceptions.HttpException as error:
        return str(error.details or error.message)
    return ""


def checked(response: Response, requested: Record | None = None) -> Record:
    """The record in an answer, or what Glance refuses as a sentence; REQUESTED are the fields of the request."""
    if response.status_code == HTTPStatus.FORBIDDEN and requested and requested["visibility"] == "public":
        raise CloudError(
            f"Glance lets this account make no public image ({requested['name']!r}): by default only "
            "administrators may. Choose `visibility: community` or `shared`, or open the policy "
            "`publicize_image` to the account; docs/real-cloud.md says how."
        )
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        raise CloudError(
            "Glance has refused this account too many requests in a row (429), each asked again several times: raise "
            "its rate limit, or run this again later."
        )
    if response.status_code in _REFUSALS:
        raise CloudError(f"Glance refuses: {words_of(response)}")
    if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        raise CloudError(
            "Glance failed at this request (500 Internal Server Error): its log says why. Run this again where it was "
            "its database or its store; the request itself would fail again."
        )
    if response.status_code in BUSY:
        raise CloudError(
            f"Glance is busy or broken, and stayed so: it answers {response.status_code} {response.reason}. See its log, "
            "then run this again."
        )
    exceptions.raise_from_response(response)
    return parsed(response) if response.content else {}
