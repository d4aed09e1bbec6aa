"""Seconds, processor time and memory of what runs; the lab's OSDs count, their work is part of every way."""

from __future__ import annotations

import os
import resource
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from clients import ceph

if TYPE_CHECKING:
    from collections.abc import Iterator

TICK = os.sysconf("SC_CLK_TCK")
PERIOD_S = 0.02
KIB = 1 << 10
QUIET = 0.2  # of a processor, that the OSDs take together when nobody asks them anything
LOOK_S = 0.5
MOST_SETTLING_S = 15.0


@dataclass
class Run:
    """One run of one way.

    Attributes:
        seconds: by the clock.
        processor: seconds of this process, what it started and waited for, and the lab's OSDs; not Glance's.
        load: the machine's load average of the last minute when it began.
    """

    seconds: float = 0.0
    processor: float = 0.0
    load: float = 0.0


@contextmanager
def timed() -> Iterator[Run]:
    """Measure what is done inside."""
    run = Run(load=os.getloadavg()[0])
    processor, started = _processor(), time.monotonic()
    yield run
    run.seconds = time.monotonic() - started
    run.processor = _processor() - processor


def settle() -> None:
    """Wait until the OSDs have put away what was removed, or it would count against what comes next."""
    until = time.monotonic() + MOST_SETTLING_S
    while time.monotonic() < until:
        before = _of_osds()
        time.sleep(LOOK_S)
        if _of_osds() - before < QUIET * LOOK_S:
            return


def _processor() -> float:
    mine = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in mine) + _of_osds()


def _of_osds() -> float:
    return sum(_of_process(pid) for pid in _osds())


def _osds() -> list[int]:
    conf = os.fsencode(ceph.conf_path(None))
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has just ended
        if words[0].endswith(b"ceph-osd") and conf in words:
            found.append(int(folder.name))
    return found


def _of_process(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Memory:
    """The largest proportional set size that a process and all below it have together, sampled; in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.peak = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(PERIOD_S):
            self.peak = max(self.peak, sum(_pss(pid) for pid in _tree(self._pid)))


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task").glob("*/children")
        below = [int(child) for file in children for child in file.read_text().split()]
    except OSError:
        return []
    return [pid, *(further for child in below for further in _tree(child))]


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has just ended
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith("Pss:"))
