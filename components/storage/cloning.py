"""Whether Nova and Cinder can find out where an image's data is, as far as a client of Glance sees; only reads.

Both clone an image only if they know its place in Ceph, and copy it without a word otherwise. Nova takes the place from
the image's record; Cinder, from 27 (2025.2) on, first asks the location API. docs/images.md says which code was read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from clients import glance
from clients.errors import CloudError
from clients.openstack import Connection
from config.image import Cloner

TIMEOUT_S = 5  # of the internal address, which need not be reachable from here
_DOCS = "docs/images.md says more"


@dataclass(frozen=True)
class Seen:
    """What one active image's record shows.

    Attributes:
        hiding: the addresses of Glance that answered and showed no location.
        showing: those that showed one.
        silent: those that did not answer.
        location_api: open where this account may read locations there; closed where it may not, which says nothing of
            Cinder's account; absent where Glance has none.
    """

    hiding: tuple[str, ...]
    showing: tuple[str, ...]
    silent: tuple[str, ...]
    location_api: Literal["open", "closed", "absent"]


def look(conn: Connection) -> Seen | None:
    """Look at an active image by the address that CONN uses and by the catalogue's internal one; None without any image."""
    try:
        images = glance.parsed(conn.image.get("/images", params={"status": "active", "limit": 1}))["images"]
        if not images:
            return None
        (record,) = images
        shown_by_url: dict[str, bool | None] = {_root(str(conn.image.get_endpoint())): _shows(record)}
        internal = conn.session.get_endpoint(
            service_type="image", interface="internal", region_name=conn.config.get_region_name()
        )
        if internal and _root(internal) not in shown_by_url:
            shown_by_url[_root(internal)] = _shown_at(conn, _root(internal), record["id"])
        return Seen(
            hiding=tuple(url for url, shown in shown_by_url.items() if shown is False),
            showing=tuple(url for url, shown in shown_by_url.items() if shown),
            silent=tuple(url for url, shown in shown_by_url.items() if shown is None),
            location_api=_location_api(conn, record["id"]),
        )
    except (SDKException, ClientException) as error:
        raise CloudError(f"Glance does not say where images are: {str(error).splitlines()[0]}") from error


def copies(seen: Seen, expected: tuple[Cloner, ...]) -> Iterator[str]:
    """A sentence for each of EXPECTED that would copy images instead of cloning them."""
    if seen.showing:
        return
    where = f"Glance at {' and '.join(seen.hiding)} shows no location of an image"
    if seen.silent:
        where += f" ({' and '.join(seen.silent)} does not answer from here)"
    if "cinder" in expected and seen.location_api == "absent":
        yield (
            f"Cinder would copy images, not clone them: {where}, and is too old for the location API. Set "
            "show_image_direct_url = true on the Glance API that Cinder asks, or leave cinder out of "
            f"image_store.cloned_by; {_DOCS}"
        )
    if "nova" in expected:
        yield (
            f"Nova would copy images, not clone them: {where}, and Nova asks for it in no other way. Set "
            "show_image_direct_url = true on the Glance API that nova-compute asks, or leave nova out of "
            f"image_store.cloned_by; {_DOCS}"
        )


def _shows(record: glance.Record) -> bool:
    return bool(record.get("direct_url") or record.get("locations"))


def _shown_at(conn: Connection, root: str, image_id: str) -> bool | None:
    """Whether the Glance at ROOT shows a location; None where it does not answer."""
    try:
        answer = conn.session.get(f"{root}/v2/images/{image_id}", raise_exc=False, timeout=TIMEOUT_S)
        return _shows(answer.json()) if answer.ok else None
    except (ClientException, ValueError):
        return None


def _location_api(conn: Connection, image_id: str) -> Literal["open", "closed", "absent"]:
    status = conn.image.get(f"/images/{image_id}/locations").status_code
    if status == HTTPStatus.OK:
        return "open"
    return "absent" if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) else "closed"


def _root(endpoint: str) -> str:
    return endpoint.rstrip("/").removesuffix("/v2").rstrip("/")
