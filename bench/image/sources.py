"""What is imported: the same data as QCOW2 of three kinds and as RAW, in disks of three sizes, and a real image."""

from __future__ import annotations

import hashlib
import random
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIB, GIB = 1 << 20, 1 << 30
PIECE = 4 * MIB
DATA = GIB
VIRTUAL = 6 * GIB
ALONE = 8 * GIB, 200 * GIB  # the same data in a small and a large disk

KINDS: dict[str, tuple[str, ...]] = {
    "zlib": ("-c",),
    "zstd": ("-c", "-o", "compression_type=zstd"),
    "plain": (),
}


@dataclass(frozen=True)
class Source:
    """A file to import.

    Attributes:
        name: as the table shows it.
        path: of the file.
        format: ``qcow2`` or ``raw``.
        virtual: bytes of the disk in it.
        data: bytes of the disk that hold data.
    """

    name: str
    path: Path
    format: str
    virtual: int
    data: int

    @cached_property
    def sha256(self) -> str:
        """Of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def raw(path: Path, virtual: int, seed: int = 1) -> Path:
    """A sparse file: half random, half well compressible data, as in a system image, spread over the disk."""
    chance = random.Random(seed)  # noqa: S311 - the same bytes each time, no secret
    pieces = DATA // PIECE
    with path.open("wb") as file:
        file.truncate(virtual)
        for number in range(pieces):
            file.seek(number * (virtual // pieces) // PIECE * PIECE)
            file.write(chance.randbytes(PIECE // 2) + (b"%08d" % number) * (PIECE // 16))
    return path


def qcow2(raw_file: Path, path: Path, options: tuple[str, ...]) -> Path:
    """A QCOW2 of the same disk."""
    subprocess.run(["qemu-img", "convert", *options, "-f", "raw", "-O", "qcow2", raw_file, path], check=True)
    return path


def synthetic(folder: Path) -> list[Source]:
    """The four of DATA bytes in a disk of VIRTUAL."""
    disk = raw(folder / "source.raw", VIRTUAL)
    made = [
        Source(kind, qcow2(disk, folder / f"{kind}.qcow2", options), "qcow2", VIRTUAL, DATA)
        for kind, options in KINDS.items()
    ]
    return [*made, Source("raw", disk, "raw", VIRTUAL, DATA)]


def of_sizes(folder: Path) -> list[Source]:
    """The same data, plain, in disks of ALONE."""
    found = []
    for virtual in ALONE:
        disk = raw(folder / "sized.raw", virtual)
        name = f"plain, {virtual // GIB} GiB"
        path = qcow2(disk, folder / f"plain-{virtual // GIB}.qcow2", ())
        found.append(Source(name, path, "qcow2", virtual, DATA))
        disk.unlink()
    return found


def bootable(path: Path, folder: Path) -> Source:
    """The lab's image; what it holds is what its RAW takes on a disk."""
    disk = folder / "bootable.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", path, disk], check=True)
    status = disk.stat()
    disk.unlink()
    return Source("bootable", path, "qcow2", status.st_size, status.st_blocks * 512)
