"""What Glance tells of where images' data is: whether its store is our cluster, and who else shows an image's data.

Its rbd driver looks at a location's pool and image only, and deletes the data with whichever of two records goes first.
API: https://docs.openstack.org/api-ref/image/v2/ (locations, stores), at the REST level: no answer is an answer here.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from clients import ceph, glance
from clients.errors import CloudError

if TYPE_CHECKING:
    from openstack.connection import Connection

SCHEME = "rbd://"
MOST_LOOKED_AT = 10  # images, to learn in which cluster Glance's store is


def refuse_other_cluster(conn: "Connection", pool: ceph.Pool) -> None:
    """Refuse before a byte is written, if Glance's store is known to be in another cluster than ``pool``.

    Newer Glances tell it (policy ``stores_info_detail``). Otherwise the newest images' locations do, to whoever may
    see them, unless there are several stores.
    """
    theirs = _reported_clusters(conn)
    if theirs is None:
        answer = conn.image.get("/info/stores")
        several = answer.ok and len([s for s in answer.json()["stores"] if "read-only" not in s]) > 1
        theirs = set() if several else _cluster_of_newest(conn)
    if theirs and pool.fsid not in theirs:
        conf = pool.conf or "the ceph.conf in force"
        raise CloudError(
            f"Glance's store is in Ceph cluster {' or '.join(sorted(theirs))}, and {conf} leads to cluster {pool.fsid}: "
            "nothing was written. Name the ceph.conf of Glance's cluster (image_store.ceph_conf, CEPH_CONF)."
        )


def also_shown_by(conn: "Connection", pool: ceph.Pool, record: glance.Record) -> list[glance.Record]:
    """The other records whose location names the RBD image of ``record``, as far as this account may see them.

    Unseen remain private images of other projects, unless the account is an administrator's, and everything where
    Glance shows it no locations.
    """
    if record["size"] is None:
        return []  # without data yet
    data = f"{SCHEME}{quote(pool.fsid, '')}/{quote(pool.name, '')}/{quote(record['id'], '')}/"
    same_size = {"size_min": str(record["size"]), "size_max": str(record["size"]), "visibility": "all"}
    return [
        other
        for hidden in ("false", "true")
        for other in glance.listed(conn, {}, {**same_size, "os_hidden": hidden})
        if other["id"] != record["id"] and any(url.startswith(data) for url in urls(conn, other))
    ]


def urls(conn: "Connection", record: glance.Record) -> list[str]:
    """Where the data of an image is; nothing where Glance does not tell this account."""
    if "locations" in record:
        return [str(location["url"]) for location in record["locations"]]
    if "direct_url" in record:
        return [str(record["direct_url"])]
    answer = conn.image.get(f"/images/{record['id']}/locations")
    found: list[dict[str, Any]] = answer.json() if answer.ok else []
    return [str(location["url"]) for location in found]


def _cluster_of_newest(conn: "Connection") -> set[str]:
    """The FSID in the location of the newest image that shows this account one; empty where none does."""
    answer = conn.image.get(
        "/images",
        params={
            "status": "active",
            "disk_format": "raw",
            "visibility": "all",
            "limit": str(MOST_LOOKED_AT),
        },
    )
    for record in glance.parsed(answer)["images"]:
        for url in urls(conn, record):
            parts = url.removeprefix(SCHEME).split("/")
            if url.startswith(SCHEME) and len(parts) == 4:  # noqa: PLR2004 - FSID, pool, image, snapshot
                return {parts[0]}
    return set()


def _reported_clusters(conn: "Connection") -> set[str] | None:
    """The FSIDs of Glance's rbd stores; None where it does not tell all of them."""
    answer = conn.image.get("/info/stores/detail")
    if not answer.ok:
        return None
    found = {
        store.get("properties", {}).get("fsid")
        for store in answer.json()["stores"]
        if store.get("type") == "rbd"
    }
    return None if None in found else found
