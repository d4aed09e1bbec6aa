"""Watches, while a run goes on, what is gone when it has ended: arguments of processes, and temporary files."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.secret_search import Find, Search, files

EVERY_S = 0.02
_FOLDERS_EVERY = 10  # times; a folder is more to read
_OTHERS = 0o077


class LeakWatch:
    """Looks at the arguments of every process that began after it, and at what others may read in temporary folders.

    What lives for less than 20 ms may escape it. The environment of a process is its owner's and root's to read, as
    the files are that hold the secrets; it is not looked at.
    """

    def __init__(self, search: Search, *folders: Path) -> None:
        self._search, self._folders = search, folders
        self._older = processes()
        self._seen: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.finds: set[Find] = set()
        self.looked_at = 0
        """How many different command lines it has seen."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        times = 0
        while not self._stop.wait(EVERY_S):
            self._look_at_processes()
            if times % _FOLDERS_EVERY == 0:
                for folder in self._folders:
                    self._look_into(folder)
            times += 1

    def _look_at_processes(self) -> None:
        there = processes()
        self._older &= there  # their numbers may be given again
        for number in there - self._older:
            try:
                line = Path(f"/proc/{number}/cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended
            if line in self._seen:
                continue
            self._seen.add(line)
            self.looked_at += 1
            program = line.partition(b"\0")[0].decode(errors="replace")
            self.finds.update(self._search.in_bytes(f"arguments of {program}", line))

    def _look_into(self, folder: Path) -> None:
        for path in files(folder):
            if readable_by_others(path, folder):
                self.finds.update(self._search.in_file(path))


def processes() -> set[int]:
    """The numbers of all processes of this machine."""
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}


def readable_by_others(path: Path, top: Path) -> bool:
    """Whether others than the owner get at a file below TOP, which they are taken to get into."""
    try:
        modes = [
            path.lstat().st_mode,
            *(parent.stat().st_mode for parent in path.parents if top in parent.parents),
        ]
    except FileNotFoundError:
        return False
    return all(mode & _OTHERS for mode in modes)
