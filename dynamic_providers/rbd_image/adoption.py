"""Adoption of an existing image: its data stays where it is, and only owner tags are added to its record.

It has to be what an import would have made: RAW, in an RBD image of the same id in the store's pool, with the protected
snapshot that Nova and Cinder clone from.
"""

from clients import glance, rbd
from clients.errors import CloudError
from dynamic_providers.rbd_image import store
from dynamic_providers.rbd_image.generation import ImageBackends
from dynamic_providers.rbd_image.wanted import Wanted


def adopt(cloud: ImageBackends, image_id: str, wanted: Wanted) -> None:
    """Tag the image as the current generation of ``wanted``; an earlier, killed run's tags are no obstacle.

    That its content is that of the declared source is the declaration's word: nobody can tell from the RAW data
    which QCOW2 it came from.

    Raises:
        CloudError: there is none, it is another stack's, or something about it would have to be changed.
    """
    record = glance.get(cloud.conn, image_id)
    if record is None:
        raise CloudError(
            f"there is no image {image_id} in Glance to adopt: give the id that `openstack image list` "
            "shows, or leave `adopt` out."
        )
    problems = [*_not_like_an_import(cloud, record), *_differences(record, wanted)]
    if problems:
        raise CloudError(
            f"image {record['name']!r} ({image_id}) cannot be adopted as it is: {'; '.join(problems)}. "
            "Adopting changes nothing: declare it as it is, and change it afterwards."
        )
    glance.apply(cloud.conn, record, wanted.fields())  # only the tags differ by now


def _not_like_an_import(cloud: ImageBackends, record: glance.Record) -> list[str]:
    problems = []
    if record["status"] != "active":
        problems.append(f"its status is {record['status']}, not active")
    if record["disk_format"] != "raw":
        problems.append(
            f"its disk format is {record['disk_format']}, which Ceph cannot clone; import it anew"
        )
    if record["owner"] != cloud.conn.current_project_id:
        problems.append(
            f"it belongs to project {record['owner']}, and the import's account works in "
            f"{cloud.conn.current_project_id} (`openstack image set --project`)"
        )
    stored = store.inspect(cloud.ioctx, record["id"])
    if stored is None:
        problems.append(f"pool {cloud.pool.name!r} has no RBD image of its id")
    elif not stored.protected:
        problems.append(f"its RBD image has no protected snapshot {rbd.SNAPSHOT!r}")
    elif stored.size != record["size"]:
        problems.append(f"its RBD image has {stored.size} bytes, and Glance says {record['size']}")
    return problems


def _differences(record: glance.Record, wanted: Wanted) -> list[str]:
    theirs = {key: record.get(key) for key in wanted.owner_tags if key in record}
    if theirs and any(value != wanted.owner_tags[key] for key, value in theirs.items()):
        return [f"it is image {record.get(glance.TAG_IMAGE)!r} of stack {record.get(glance.TAG_STACK)}"]
    fields = {key: value for key, value in wanted.fields().items() if key not in wanted.owner_tags}
    live = {key: record.get(key) for key in fields} | glance.custom_properties(record)
    return [
        f"its {key} is {live.get(key)!r}, and {fields.get(key)!r} is declared"
        for key in sorted({*fields, *live})
        if live.get(key) != fields.get(key)
    ]
