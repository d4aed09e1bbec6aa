"""A client beside the bench, as a process of its own: what the bench does never delays a write.

It writes 4 KiB to its objects in turn, at a fixed rate and whether or not former writes have ended, and tells for each
write when it was due and how long it took from then. With `--large` it reads and writes 64 KiB to 1 MiB of the bench's
data instead, and tells nothing.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clients import ceph
from dynamic_providers.osd_expansion.probe import Latency
from lab.settings import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import rados

OBJECTS = 1024  # at 100 writes a second, ten seconds between two writes to one object
SIZES = tuple(1024 << power for power in range(6, 11))  # 64 KiB to 1 MiB
LARGE_PER_SECOND = 4


@dataclass(frozen=True)
class Write:
    """One write: when it was due, by `time.time`, how many seconds it took from then, and its object."""

    due: float
    took: float
    name: str


def latency(writes: list[Write], begin: float, end: float) -> Latency:
    """Of those that were due in that time."""
    return Latency.of([write.took for write in writes if begin <= write.due < end])


@contextmanager
def clients(conf: str, pool: str, per_second: int, log: Path, *, mixed: bool) -> Iterator[None]:
    """Have them work while the ``with`` lasts; what was written is in LOG then."""
    command = [sys.executable, "-m", "bench.expansion.client", conf, pool]
    log.unlink(missing_ok=True)
    each = [[*command, f"--per-second={per_second}", f"--log={log}"]]
    if mixed:
        each.append([*command, f"--per-second={LARGE_PER_SECOND}", "--large"])
    processes = [subprocess.Popen(one, cwd=CHECKOUT) for one in each]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def writes(log: Path) -> list[Write]:
    """What was written until now, in the order of being due."""
    rows = [
        line.split() for line in log.read_text(encoding="utf-8").splitlines(keepends=True) if "\n" in line
    ]
    return sorted(
        (Write(float(due), float(took), name) for due, took, name in rows), key=lambda write: write.due
    )


def at_rate(per_second: int, over: threading.Event, act: Callable[[int, float], None]) -> None:
    """Call ACT with a number and the time at which it was due, until OVER."""
    begun = time.time()
    for number in itertools.count():
        due = begun + number / per_second
        if over.wait(max(0.0, due - time.time())):
            return
        act(number, due)


def small(ioctx: rados.Ioctx, log: Path) -> Callable[[int, float], None]:
    """Write 4 KiB to the next object."""
    file = log.open("w", encoding="utf-8", buffering=1)
    data = os.urandom(4096)

    def act(number: int, due: float) -> None:
        name = f"bench.{number % OBJECTS}"
        ioctx.aio_write_full(
            name, data, oncomplete=lambda _: file.write(f"{due:.6f} {time.time() - due:.6f} {name}\n")
        )

    return act


def large(ioctx: rados.Ioctx) -> Callable[[int, float], None]:
    """Write to an object of the data, or read it, in turn."""
    names = sorted(found.key for found in ioctx.list_objects() if found.key.startswith("data."))
    data = os.urandom(max(SIZES))

    def act(number: int, _due: float) -> None:
        name, size = names[number * 7 % len(names)], SIZES[number % len(SIZES)]
        if number % 2:
            ioctx.aio_read(name, size, 0, lambda *_: None)
        else:
            ioctx.aio_write(name, data[:size], 0)

    return act


def main() -> None:
    """Work until SIGTERM; what is under way then is waited for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("conf")
    parser.add_argument("pool")
    parser.add_argument("--per-second", type=int, required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--large", action="store_true")
    given = parser.parse_args()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with ceph.cluster("admin", given.conf) as handle, handle.open_ioctx(given.pool) as ioctx:
        at_rate(given.per_second, over, large(ioctx) if given.large else small(ioctx, given.log))
        ioctx.aio_flush()


if __name__ == "__main__":
    main()
