"""Checksums of objects as the OSDs that hold them compute them: what is stored is read there, nothing is moved.

RADOS has the operation since Luminous; Debian's python3-rados does not bind it, so librados is called as C.
https://docs.ceph.com/en/pacific/rados/api/librados/ (rados_checksum)
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from clients import ceph
from clients.errors import CloudError

LIBRARY = "librados.so.2"
CRC32C = 2  # LIBRADOS_CHECKSUM_TYPE_CRC32C
SEED = struct.pack("<I", 0xFFFF_FFFF)
ANSWER = struct.Struct("<II")  # how many, always one here; the checksum, without the last inversion


class Checksums:
    """An open pool whose objects can be summed; its methods may be called by many threads at once."""

    def __init__(self, library: ctypes.CDLL, ioctx: ctypes.c_void_p) -> None:
        self._library = library
        self._ioctx = ioctx

    def crc32c(self, name: str, offset: int, length: int) -> int | None:
        """The CRC-32C of ``length`` bytes of an object from ``offset``; None if it has fewer, or is not there."""
        answer = ctypes.create_string_buffer(ANSWER.size)
        code = self._library.rados_checksum(
            self._ioctx,
            name.encode(),
            ctypes.c_int(CRC32C),
            SEED,
            ctypes.c_size_t(len(SEED)),
            ctypes.c_size_t(length),
            ctypes.c_uint64(offset),
            ctypes.c_size_t(0),
            answer,
            ctypes.c_size_t(ANSWER.size),
        )
        if code in (-errno.ENOENT, -errno.EOVERFLOW):
            return None
        if code == -errno.ETIMEDOUT:
            raise ceph.UnansweredError(
                f"Ceph did not answer when object {name} was read back: {ceph.RUN_AGAIN}"
            )
        if code:
            raise CloudError(f"Ceph cannot read back object {name}: {os.strerror(-code)}.")
        count, value = ANSWER.unpack(answer.raw)
        return value ^ 0xFFFF_FFFF if count else None


@contextmanager
def checksums(pool: ceph.Pool, pool_id: int) -> Iterator[Checksums]:
    """Connect again as the user of ``pool``, and yield the pool of that number."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise CloudError(f"{LIBRARY} cannot be loaded ({error}): install Debian's librados2.") from error
    cluster, ioctx = ctypes.c_void_p(), ctypes.c_void_p()
    _check(
        library.rados_create2(
            ctypes.byref(cluster), b"ceph", f"client.{pool.user}".encode(), ctypes.c_uint64(0)
        )
    )
    with ceph.closing(cluster, partial(library.rados_shutdown, cluster)):
        _check(library.rados_conf_read_file(cluster, ceph.conf_path(pool.conf).encode()))
        for key, value in ceph.TIMEOUTS.items():
            _check(library.rados_conf_set(cluster, key.encode(), value.encode()))
        _check(library.rados_connect(cluster))
        _check(library.rados_ioctx_create2(cluster, ctypes.c_int64(pool_id), ctypes.byref(ioctx)))
        with ceph.closing(ioctx, partial(library.rados_ioctx_destroy, ioctx)):
            yield Checksums(library, ioctx)


def _check(code: int) -> None:
    if code:
        raise CloudError(f"Ceph cannot be reached to read back what was written: {os.strerror(-code)}.")
