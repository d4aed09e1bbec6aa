"""Keeps, while a run goes on, what is gone when it has ended: arguments of processes, temporary files, former states.

It is searched afterwards, since some secrets are made by the run itself.
"""

import hashlib
import os
import stat
import threading
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.secret_search import Find, Search, files

EVERY_S = 0.02
_FOLDERS_EVERY = 10  # times; a folder is more to read
_SETTLED = (
    50  # looks at a process; from then on only every so many, as it seldom becomes another program any more
)
_OTHERS = 0o077
ON_A_HOST = "arguments on a host of"
"""How what is seen of a simulated host's processes begins: on a real host they would be no process of this machine."""


class LeakWatch:
    """Keeps the arguments of every process that began after it, and what others may read in temporary folders.

    What lives for less than 20 ms may escape it. The environment of a process is its owner's and root's to read, as
    the files are that hold the secrets; it is not looked at.
    """

    def __init__(self, *temporary: Path) -> None:
        self._temporary = temporary
        self._older = processes()
        self._looks: dict[int, int] = {}
        self._whose: dict[int, str] = {}
        self._kept: dict[tuple[str, bytes], bytes] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def keep(self, where: str, data: bytes) -> None:
        """Keeps DATA, which was seen there."""
        self._kept[where, hashlib.sha256(data).digest()] = data

    def keep_files(self, folder: Path, but: Collection[Path] = ()) -> None:
        """Keeps all files below FOLDER as they are now, but those named."""
        for path in files(folder):
            if path not in but and path.is_file() and not path.is_symlink():
                self.keep(str(path), path.read_bytes())

    @property
    def places(self) -> list[str]:
        """Where something was seen."""
        return [where for where, _ in list(self._kept)]

    def finds(self, search: Search) -> list[Find]:
        """What SEARCH finds in all that was seen."""
        return [
            find for (where, _), data in list(self._kept.items()) for find in search.in_bytes(where, data)
        ]

    def _watch(self) -> None:
        times = 0
        while not self._stop.wait(EVERY_S):
            self._look_at_processes()
            if times % _FOLDERS_EVERY == 0:
                for folder in self._temporary:
                    self._look_into(folder)
            times += 1

    def _look_at_processes(self) -> None:
        there = processes()
        self._older &= there  # their numbers may be given again
        self._looks = {number: self._looks.get(number, 0) + 1 for number in there - self._older}
        for number, looks in self._looks.items():
            if looks > _SETTLED and looks % _SETTLED:
                continue
            process = Path("/proc", str(number))
            try:
                line = (process / "cmdline").read_bytes()
                if looks == 1 or number not in self._whose:  # it stays in its namespaces
                    here = namespaces(process) == _OWN_NAMESPACES
                    self._whose[number] = "arguments of" if here else ON_A_HOST
                whose = self._whose[number]
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended
            self.keep(f"{whose} {line.partition(bytes(1))[0].decode(errors='replace')}", line)

    def _look_into(self, folder: Path) -> None:
        for path in files(folder):
            if readable_by_others(path, folder):
                try:
                    self.keep(f"open to others: {path}", path.read_bytes())
                except FileNotFoundError:
                    continue  # it has gone


def processes() -> set[int]:
    """The numbers of all processes of this machine."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 - fifty times a second


def namespaces(process: Path) -> int:
    """In how many nested PID namespaces a process is; unlike /proc/PID/ns, its status is readable for everybody."""
    status = (process / "status").read_text(encoding="utf-8", errors="replace")
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    return len(numbers.split()) - 1


_OWN_NAMESPACES = namespaces(Path("/proc/self"))


def readable_by_others(path: Path, top: Path) -> bool:
    """Whether others than the owner get at a file below TOP, which they are taken to get into."""
    try:
        modes = [
            path.lstat().st_mode,
            *(parent.stat().st_mode for parent in path.parents if top in parent.parents),
        ]
    except FileNotFoundError:
        return False
    return stat.S_ISREG(modes[0]) and all(mode & _OTHERS for mode in modes)
