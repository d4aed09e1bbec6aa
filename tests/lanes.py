"""All tests, in three lanes side by side: `make test`. Most of them wait, for services and for hosts.

Tests that share something are in one lane, one after the other: whatever concerns hosts, and where instances run, in
one; what is kept in Ceph in another; the rest of the cloud in the third, after the tests that need no lab. Those that stop
the lab's parts come last, alone.
"""

import os
import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from tests.lab.running_lab import running_lab, with_hosts
from tests.lab.simulated_hosts import WANTED

LAB = Path("tests/lab")
HOSTS = (
    "test_host*.py",
    "test_kolla_*.py",
    "test_monitoring_agent.py",
    "test_lab_hosts.py",
    "test_lab_compute.py",
)
CEPH = (
    "test_ceph_*.py",
    "test_image_*.py",
    "test_lab_image_boots.py",
    "test_object_store.py",
    "test_rbd_image*.py",
)
ALONE = (LAB / "test_image_ceph_faults.py", LAB / "test_lab_lifecycle.py")
_CLOSING = re.compile(r"=+ .*\b(passed|failed|error|errors)\b.* in [0-9.]+s")
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


def lanes() -> dict[str, list[Path]]:
    """What runs side by side, by the name that its lines bear."""
    of_hosts, of_ceph = (
        sorted({path for pattern in patterns for path in LAB.glob(pattern)} - set(ALONE))
        for patterns in (HOSTS, CEPH)
    )
    rest = sorted(set(LAB.glob("test_*.py")) - {*of_hosts, *of_ceph, *ALONE})
    return {
        "hosts": of_hosts,
        "ceph": of_ceph,
        "cloud": [Path("tests/unit"), Path("tests/engine"), *rest],
    }


class Lane:
    """A pytest of its own, whose lines are shown with its name."""

    def __init__(self, name: str, paths: list[Path]) -> None:
        self._name = name
        self.closing = ""
        """What pytest says last: how many passed, failed and so on."""
        self._run = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pytest",
                "-v",
                "--durations=10",
                "-p",
                "no:cacheprovider",
                *map(str, paths),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self._shown = threading.Thread(target=self._show)
        self._shown.start()

    def end(self) -> int:
        """Wait for it; give its exit code."""
        self._shown.join()
        return self._run.wait()

    def _show(self) -> None:
        assert self._run.stdout
        for line in self._run.stdout:
            self.closing = line if _CLOSING.match(line) else self.closing
            sys.stdout.write(f"{self._name:5} | {line}")
            sys.stdout.flush()


def total(closings: list[str]) -> str:
    """Add up what the lanes say last, as `N passed, N failed`; an error is a failure."""
    counts = Counter[str]()
    for number, word in (found for closing in closings for found in _COUNT.findall(closing)):
        counts["failed" if word.startswith("error") else word] += int(number)
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return f"{counts['passed']} passed, {counts['failed']} failed{skipped}"


def main() -> int:
    """Run all; 0 where all passed."""
    with running_lab() as lab:
        with with_hosts(lab, WANTED):
            run = [Lane(name, paths) for name, paths in lanes().items()]
            codes = [lane.end() for lane in run]
        run.append(Lane("alone", list(ALONE)))
        codes.append(run[-1].end())
    sys.stdout.write(f"{total([lane.closing for lane in run])}\n")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
