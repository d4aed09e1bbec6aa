"""The tiny guest on disks of several sizes, each in Glance in three ways: imported, as QCOW2, and as RAW in a file."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dynamic_providers.rbd_image.provider import RbdImageProvider
from lab.guest import image as guest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from openstack.connection import Connection

    from lab.settings import Lab

GIB = 1 << 30
DATA = 8  # one byte in so many is not zero
PIECE = 1 << 20
IMPORTED, QCOW2, RAW = "imported", "qcow2", "raw"


@dataclass(frozen=True)
class Disk:
    """One size, and the Glance ids of its images."""

    gib: int
    ids: Mapping[str, str]


def write(lab: Lab, gib: int, folder: Path) -> Path:
    """Write the guest's disk in that size, with data in it that nothing compresses, as RAW."""
    raw = folder / f"{gib}.raw"
    source = guest.folder(lab) / guest.NAME
    subprocess.run(["qemu-img", "convert", "-O", "raw", source, raw], check=True)
    start = raw.stat().st_size
    with raw.open("r+b") as file:
        file.truncate(gib * GIB)
        pieces = gib * GIB // DATA // PIECE
        for number in range(pieces):  # over the whole disk, so that a RAW has its holes between
            file.seek(start + number * ((gib * GIB - start) // pieces))
            file.write(secrets.token_bytes(PIECE))
    return raw


@contextmanager
def disk(lab: Lab, conn: Connection, glance: str, gib: int, folder: Path) -> Iterator[Disk]:
    """One disk's images; GLANCE is the address of the API that has a store for files."""
    with ExitStack() as stack:
        raw = write(lab, gib, folder)
        qcow2 = folder / f"{gib}.qcow2"
        subprocess.run(["qemu-img", "convert", "-c", "-O", "qcow2", raw, qcow2], check=True)
        ids = {
            IMPORTED: stack.enter_context(imported(qcow2)),
            QCOW2: stack.enter_context(uploaded(conn, glance, qcow2, "qcow2", "rbd")),
            RAW: stack.enter_context(uploaded(conn, glance, raw, "raw", "file")),
        }
        raw.unlink()
        qcow2.unlink()
        yield Disk(gib, ids)


@contextmanager
def imported(qcow2: Path) -> Iterator[str]:
    """A golden image as this program makes it."""
    provider = RbdImageProvider()
    with qcow2.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    made = provider.create(
        {
            "name": f"bench-launch-{secrets.token_hex(4)}",
            "source": str(qcow2),
            "sha256": digest,
            "pool": "images",
            "hash": "none",
            "cloud": "lab-image-import",
            "ceph_user": "image-import",
            "owner_stack": "private-cloud/bench-launch",
        }
    )
    outs: dict[str, Any] = made.outs or {}
    try:
        yield str(outs["glance_id"])
    finally:
        provider.delete(str(made.id), outs)


@contextmanager
def uploaded(conn: Connection, glance: str, file: Path, form: str, store: str) -> Iterator[str]:
    """An image uploaded as it is into one of Glance's stores."""
    body = {"name": f"bench-launch-{secrets.token_hex(4)}", "disk_format": form, "container_format": "bare"}
    answer = conn.session.post(f"{glance}/v2/images", json=body)
    made = str(answer.json()["id"])
    try:
        with file.open("rb") as data:
            headers = {"Content-Type": "application/octet-stream", "X-Image-Meta-Store": store}
            conn.session.put(f"{glance}/v2/images/{made}/file", data=data, headers=headers)
        yield made
    finally:
        conn.session.delete(f"{glance}/v2/images/{made}")


def forget_copies(folder: Path) -> None:
    """Remove what Nova has kept of images on this host."""
    shutil.rmtree(folder / "instances" / "_base", ignore_errors=True)
