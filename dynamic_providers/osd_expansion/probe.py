"""The latency that clients have, measured by small writes of its own: open loop, from the moment each was due."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import rados

from clients.errors import CloudError
from dynamic_providers.osd_expansion.cluster import OBJECTS

PER_SECOND = 50
_OBJECTS = 64  # over the placement groups of the pool by their names
_KEPT_S = 60.0
_DATA = b"\0" * 4096
_LOCK, _LOCK_S, _RENEW = "expansion", 60, 0x1  # LIBRADOS_LOCK_FLAG_MAY_RENEW


@dataclass(frozen=True)
class Latency:
    """Of the writes of some seconds, in seconds."""

    p50: float
    p99: float
    worst: float
    samples: int

    @classmethod
    def of(cls, seconds: list[float]) -> "Latency":
        """Of these; of no writes it is endless."""
        if not seconds:
            return cls(float("inf"), float("inf"), float("inf"), 0)
        found = sorted(seconds)
        return cls(
            found[len(found) // 2], found[min(len(found) - 1, len(found) * 99 // 100)], found[-1], len(found)
        )

    def __str__(self) -> str:
        return f"p99 {self.p99 * 1000:.0f} ms, worst {self.worst * 1000:.0f} ms"


class Probe:
    """Writes 4 KiB at a fixed rate, whether or not former writes have ended."""

    def __init__(self, ioctx: rados.Ioctx, kept_s: float = _KEPT_S) -> None:
        self._ioctx, self._kept_s = ioctx, kept_s
        self._done: deque[tuple[float, float]] = deque()
        self._flying: dict[int, float] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()

    def window(self, seconds: float) -> Latency:
        """Of the writes that were due in the last SECONDS; those under way count with their age."""
        now = time.monotonic()
        with self._lock:
            ended = [took for due, took in self._done if due > now - seconds]
            return Latency.of(ended + [now - due for due in self._flying.values()])

    def run(self) -> None:
        """Write until `stop`."""
        begun = time.monotonic()
        number = 0
        while not self._over.wait(max(0.0, begun + number / PER_SECOND - time.monotonic())):
            self._write(number, begun + number / PER_SECOND)
            number += 1

    def stop(self) -> None:
        """Write no more."""
        self._over.set()

    def _write(self, number: int, due: float) -> None:
        def ended(_: object) -> None:
            now = time.monotonic()
            with self._lock:
                self._flying.pop(number, None)
                self._done.append((due, now - due))
                while self._done and self._done[0][0] < now - self._kept_s:
                    self._done.popleft()

        with self._lock:
            self._flying[number] = due
        with suppress(rados.Error):  # it stays under way, and so does its latency
            self._ioctx.aio_write_full(f"{OBJECTS}{number % _OBJECTS}", _DATA, oncomplete=ended)


@contextmanager
def probing(ioctx: rados.Ioctx, kept_s: float = _KEPT_S) -> Iterator[Probe]:
    """Measure while the ``with`` lasts, and leave nothing; writes are known for KEPT_S seconds."""
    probe = Probe(ioctx, kept_s)
    thread = threading.Thread(target=probe.run, name="probe", daemon=True)
    thread.start()
    try:
        yield probe
    finally:
        probe.stop()
        thread.join()
        for number in range(_OBJECTS):
            with suppress(rados.Error):
                ioctx.aio_remove(f"{OBJECTS}{number}")
        with suppress(rados.Error):
            ioctx.aio_flush()


class OneAtATime:
    """The right to run in this cluster: a lock on an object, which ends by itself a minute after its last renewal."""

    def __init__(self, ioctx: rados.Ioctx, owner: str) -> None:
        self.ioctx, self._owner = ioctx, owner
        self._renewed = 0.0

    def renew(self) -> None:
        """Take it, or have it for another minute.

        Raises:
            CloudError: somebody else has it.
        """
        now = time.monotonic()
        if now - self._renewed < _LOCK_S / 6:
            return
        try:
            self.ioctx.lock_exclusive(f"{OBJECTS}lock", _LOCK, self._owner, self._owner, _LOCK_S, _RENEW)
        except rados.ObjectBusy:
            raise CloudError(
                f"another expansion runs in this cluster: wait for it; one that was killed has ended {_LOCK_S} s later"
            ) from None
        self._renewed = now

    def release(self) -> None:
        """Let others run."""
        with suppress(rados.Error):
            self.ioctx.unlock(f"{OBJECTS}lock", _LOCK, self._owner)
            self.ioctx.remove_object(f"{OBJECTS}lock")
