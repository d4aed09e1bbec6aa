"""Where an image comes from: fetched, verified against its SHA-256, and looked at before qemu sees it.

The file's own header is read here, not by qemu-img: opening a QCOW2 that names an external data file
makes qemu open that file (CVE-2024-4467), and a wrong guess of the format can do the same.
"""

from __future__ import annotations

import hashlib
import os
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import urlsplit

import requests

from clients.errors import CloudError
from clients.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

Format = Literal["qcow2", "raw"]

CHUNK = 4 << 20
SECTOR = 512
HTTP_TIMEOUT_S = (10, 60)  # to connect; between two pieces of the body
LARGEST_VIRTUAL_SIZE = 8 << 40
LARGEST_DOWNLOAD = 1 << 40

# QEMU's docs/interop/qcow2.txt: magic, version, backing_file_offset, backing_file_size, cluster_bits, size,
# crypt_method; from version 3 on, incompatible_features stands at byte 72.
QCOW2_MAGIC = b"QFI\xfb"
QCOW2_HEADER = struct.Struct(">4sIQIIQI")
QCOW2_FEATURES = struct.Struct(">Q")
QCOW2_FEATURES_AT = 72
QCOW2_FEATURE_CORRUPT = 1 << 1
QCOW2_FEATURE_EXTERNAL_DATA = 1 << 2
QCOW2_VERSIONS = (2, 3)

FOREIGN_MAGICS = {b"KDMV": "VMDK", b"# Disk DescriptorFile": "VMDK", b"vhdxfile": "VHDX", b"conectix": "VHD"}
ISO_MAGIC, ISO_MAGIC_AT = b"CD001", 0x8001


@dataclass(frozen=True)
class Source:
    """A verified file, held open: what is imported is what was hashed, whatever happens to the path.

    Attributes:
        fd: descriptor of the file, valid inside the ``with`` that gave this object.
        format: of the file.
        virtual_size: of the disk in it, in bytes.
    """

    fd: int
    format: Format
    virtual_size: int


@contextmanager
def verified(location: str, sha256: str, declared: Format, what: str) -> Iterator[Source]:
    """Open a path or fetch an http(s) URL, verify its SHA-256, inspect it, and yield it.

    A download is kept under the user's cache until the ``with`` ends well, so that an interrupted import
    does not fetch it again.

    Raises:
        CloudError: missing, unreachable, another checksum, or a file that is not safely importable.
    """
    if urlsplit(location).scheme in ("http", "https"):
        path = _download(location, sha256, what)
        with path.open("rb") as file:
            yield _inspect(file, declared, location)
        path.unlink(missing_ok=True)
        return
    try:
        file = Path(location).open("rb")  # noqa: SIM115 - closed by the with below
    except OSError as error:
        raise CloudError(f"source {location!r} cannot be read: {error.strerror}.") from error
    with file:
        found = _hash(file, f"{what}: verifying")
        if found != sha256:
            raise _mismatch(location, sha256, found)
        yield _inspect(file, declared, location)


def _mismatch(location: str, wanted: str, found: str) -> CloudError:
    return CloudError(
        f"source {location!r} has SHA-256 {found}, and {wanted} is declared: nothing was imported. "
        "If the new content is meant, declare its checksum."
    )


def _hash(file: BinaryIO, what: str) -> str:
    digest = hashlib.sha256()
    with Progress(what, os.fstat(file.fileno()).st_size) as progress:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress.advance(len(chunk))
    return digest.hexdigest()


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "private-cloud" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _download(url: str, sha256: str, what: str) -> Path:
    target = _cache() / sha256
    if target.exists():
        with target.open("rb") as file:
            if _hash(file, f"{what}: verifying the earlier download") == sha256:
                return target
    part = target.with_suffix(f".{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        with requests.get(url, stream=True, timeout=HTTP_TIMEOUT_S) as response:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0))
            taken = 0
            with Progress(f"{what}: fetching", size) as progress, part.open("wb") as file:
                for chunk in response.iter_content(CHUNK):
                    taken += len(chunk)
                    if taken > LARGEST_DOWNLOAD:
                        raise CloudError(f"source {url!r} sends more than {LARGEST_DOWNLOAD} bytes.")
                    digest.update(chunk)
                    file.write(chunk)
                    progress.advance(len(chunk))
        if digest.hexdigest() != sha256:
            raise _mismatch(url, sha256, digest.hexdigest())
        part.replace(target)
    except requests.RequestException as error:
        raise CloudError(f"source {url!r} cannot be fetched: {error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _inspect(file: BinaryIO, declared: Format, location: str) -> Source:
    file.seek(0)
    head = file.read(ISO_MAGIC_AT + len(ISO_MAGIC))
    length = os.fstat(file.fileno()).st_size
    for magic, foreign in FOREIGN_MAGICS.items():
        if head.startswith(magic):
            raise CloudError(f"source {location!r} is a {foreign} file, not {declared}: convert it first.")
    if head[ISO_MAGIC_AT:] == ISO_MAGIC:
        raise CloudError(f"source {location!r} is an ISO image, not {declared}.")
    if declared == "qcow2":
        size = _qcow2_size(head, location)
    elif head.startswith(QCOW2_MAGIC):
        raise CloudError(f"source {location!r} is declared raw but is QCOW2: set its format to qcow2.")
    else:
        size = length
    if not 0 < size <= LARGEST_VIRTUAL_SIZE:
        raise CloudError(
            f"source {location!r} says its disk has {size} bytes; "
            f"1 to {LARGEST_VIRTUAL_SIZE} (8 TiB) can be imported."
        )
    return Source(file.fileno(), declared, -(-size // SECTOR) * SECTOR)


def _qcow2_size(head: bytes, location: str) -> int:
    if not head.startswith(QCOW2_MAGIC) or len(head) < QCOW2_FEATURES_AT:
        raise CloudError(f"source {location!r} is not QCOW2: it does not begin with a QCOW2 header.")
    _, version, backing_at, _, _, size, crypt = QCOW2_HEADER.unpack_from(head)
    features = 0
    if version > QCOW2_VERSIONS[0] and len(head) >= QCOW2_FEATURES_AT + QCOW2_FEATURES.size:
        (features,) = QCOW2_FEATURES.unpack_from(head, QCOW2_FEATURES_AT)
    refusals = {
        f"is QCOW2 version {version}; 2 and 3 are known": version not in QCOW2_VERSIONS,
        "names a backing file; flatten it first (qemu-img convert)": backing_at != 0,
        "names an external data file; flatten it first (qemu-img convert)": bool(
            features & QCOW2_FEATURE_EXTERNAL_DATA
        ),
        "is encrypted; Glance and Nova could not read it": crypt != 0,
        "is marked corrupt; repair it first (qemu-img check -r)": bool(features & QCOW2_FEATURE_CORRUPT),
    }
    for refusal, applies in refusals.items():
        if applies:
            raise CloudError(f"source {location!r} {refusal}.")
    return int(size)
