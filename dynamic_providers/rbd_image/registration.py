"""Telling Glance where a generation's data is: by its location API, or where that is not open by PATCH (docs/real-cloud.md).

API: https://docs.openstack.org/api-ref/image/v2/ (locations), at the REST level: of each status after which another step
follows here (403, 404, 405, 409) the SDK's `add_image_location` makes an exception, and it has no call for PATCH.
"""

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from keystoneauth1.identity.base import BaseIdentityPlugin

from clients import glance
from clients.errors import CloudError

if TYPE_CHECKING:
    from openstack.connection import Connection

POLL_S = 0.05  # it takes a quarter of a second where Glance does not hash
ACTIVE_TIMEOUT_S = 60  # for Glance's own work
HASH_SPEED = 50 << 20  # bytes a second; where Glance is set to hash (do_secure_hash), it reads the whole disk
OPENING = (
    "give the import's account the role `service` on its project (and see that Glance 29 or newer runs), "
    "or set show_multiple_locations = true on an internal Glance API; docs/real-cloud.md says how"
)


class StillRegisteringError(CloudError):
    """Glance has the location and is at work on it; what was imported must stay."""


def refuse_if_closed(conn: "Connection", record: glance.Record) -> None:
    """Refuse before a byte is moved, if Glance would take no location from this account.

    The location API wants the role ``service`` for an rbd:// URL; Glance shows ``locations`` on a record
    exactly where PATCH may add to them (show_multiple_locations).
    """
    auth = conn.session.auth
    roles = (auth.get_access(conn.session).role_names or []) if isinstance(auth, BaseIdentityPlugin) else []
    if "service" not in roles and "locations" not in record:
        raise CloudError(
            "Glance would take no location from this account: its roles are "
            f"{', '.join(sorted(roles)) or 'none'}, `service` is missing, and show_multiple_locations is "
            f"off. To open a way, {OPENING}."
        )


def register(conn: "Connection", image_id: str, url: str, sha512: str | None, size: int) -> glance.Record:
    """Tell Glance where the data is, and wait until the image is active.

    By the location API; where that is not open, by adding to ``locations`` with PATCH.

    Raises:
        CloudError: neither way is open, Glance rejects the location, or it is not active in time.
    """
    body: dict[str, Any] = {"url": url}
    if sha512:
        body["validation_data"] = {"os_hash_algo": "sha512", "os_hash_value": sha512}
    answer = conn.image.post(f"/images/{image_id}/locations", json=body)
    if answer.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        value = {"url": url, "metadata": {}}
        if sha512:
            value["validation_data"] = body["validation_data"]
        patched = glance.patch(conn, image_id, [{"op": "add", "path": "/locations/-", "value": value}])
        if patched.status_code == HTTPStatus.FORBIDDEN:
            raise CloudError(
                "Glance takes no location from this account, by neither way: the location API says "
                f"{glance.words_of(answer)!r}, PATCH says {glance.words_of(patched)!r}. To open one of them, {OPENING}."
            )
        if patched.status_code == HTTPStatus.NOT_FOUND:
            raise _deleted(image_id)
        glance.checked(patched)
    elif answer.status_code != HTTPStatus.CONFLICT:  # an interrupted run's registration still goes on
        glance.checked(answer)
    return _wait_until_active(conn, image_id, size)


def _deleted(image_id: str) -> CloudError:
    return CloudError(
        f"Glance image {image_id} was deleted by somebody while it was made: run this again, and it is made anew."
    )


def _wait_until_active(conn: "Connection", image_id: str, size: int) -> glance.Record:
    deadline = time.monotonic() + ACTIVE_TIMEOUT_S + size / HASH_SPEED
    while True:
        record = glance.get(conn, image_id)
        if record is None:
            raise _deleted(image_id)
        if record["status"] == "active":
            return record
        tasks = (
            glance.parsed(conn.image.get(f"/images/{image_id}/tasks")).get("tasks", [])
            if record["status"] == "queued"
            else []
        )
        if failed := [task["message"] for task in tasks if task["status"] == "failure"]:
            raise CloudError(
                f"Glance did not accept the location of image {image_id}: {failed[-1].rstrip('.')}. "
                "(Its log has the reason: it does not reach that RBD image, or it read it and its SHA-512 is not the one "
                "that was told.) It removes the RBD image then; run this again to write it anew."
            )
        if time.monotonic() > deadline:
            raise StillRegisteringError(
                f"Glance image {image_id} is still {record['status']!r}: it was not active in time. "
                "See Glance's log, then run this again; it goes on where it stopped."
            )
        time.sleep(POLL_S)
