"""Applies seeded faults, one at a time, and runs only the tests that claim to cover each: `make mutants`.

Each fault is made in a copy of this checkout. One that its tests do not notice survives: then a test is missing.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.mutant import ROOT
from tests.mutants.table import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.mutants.mutant import Mutant

LONGEST_TEST_S = 300
"""A fault may make a test wait for ever; that fails it, as in `make test`, only sooner."""
PASSED, FAILED = 0, 1  # pytest's exit codes; with any other no test has judged
KILLED, SURVIVED = "killed", "SURVIVED"
_SHOWN = 150  # characters of the test that noticed it and its reason
_LEFT_OUT = shutil.ignore_patterns(".git", ".cloud", "__pycache__", ".*_cache")
_FAILED_TEST = re.compile(r"^(?:FAILED|ERROR) tests/\w+/(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """What came of a mutant.

    Attributes:
        verdict: KILLED, SURVIVED, or why neither can be told.
        told: what pytest printed.
    """

    mutant: Mutant
    verdict: str
    message: str
    seconds: float

    def __str__(self) -> str:
        line = f"{self.verdict} in {self.seconds:4.1f} s  {self.mutant.symbol}"
        noticed = _FAILED_TEST.search(self.message)
        return f"{line}  by {noticed[1][:_SHOWN]}" if noticed else line


def main() -> int:
    """Judge the mutants; 0 where all are killed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those with this text in their symbol or tests")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    given = parser.parse_args()
    chosen = [one for one in MUTANTS if given.only in one.symbol or given.only in one.tests]
    if not chosen:
        say(f"No mutant has {given.only!r} in its symbol or tests.")
        return 1
    with ExitStack() as held:
        folders = [copied(held) for _ in range(given.jobs)]
        tests = list(dict.fromkeys(word for mutant in chosen for word in mutant.test_words))
        say(f"The tests of {len(chosen)} mutants, without any of them …")
        done = pytest(folders[0], ["-n", str(given.jobs), "--dist", "worksteal", *tests])
        if done.returncode != PASSED:
            say(f"{done.stdout}\nThese tests fail without a fault: mend them first.")
            return 1
        return report(judged(chosen, folders))


def copied(held: ExitStack) -> Path:
    """A copy of the checkout as it is now, which lasts as long as HELD; .cloud, which is large, is a link."""
    folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mutants-"))) / ROOT.name
    shutil.copytree(ROOT, folder, symlinks=True, ignore=_LEFT_OUT)
    (folder / ".cloud").symlink_to(ROOT / ".cloud")
    return folder


def pytest(folder: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run pytest in a copy."""
    # Without sources: Python 3.11.2 may fail to parse them for a traceback (tests/python_source.py).
    options = ["-q", "--tb=line", "-p", "no:cacheprovider", "-o", f"timeout={LONGEST_TEST_S}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *words],
        cwd=folder,
        # Bytecode is told from that of another fault by the second and the size of its source alone.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def judged(mutants: Sequence[Mutant], folders: Sequence[Path]) -> list[Result]:
    """Judge each mutant, as many at once as there are copies, and tell of each."""
    free: queue.Queue[Path] = queue.Queue()
    for folder in folders:
        free.put(folder)
    results = []
    with ThreadPoolExecutor(len(folders)) as threads:
        for future in as_completed([threads.submit(judge, mutant, free) for mutant in mutants]):
            results.append(future.result())
            say(f"[{len(results)}/{len(mutants)}] {results[-1]}")
    return results


def judge(mutant: Mutant, free: queue.Queue[Path]) -> Result:
    """Make the fault in a copy that is free, run its tests, and take it back."""
    started, folder = time.monotonic(), free.get()
    file = folder / mutant.path
    right = file.read_bytes()
    try:
        file.write_text(mutant.mutated(), encoding="utf-8")
        done = pytest(folder, ["-x", *mutant.test_words])
    finally:
        file.write_bytes(right)
        free.put(folder)
    verdict = {PASSED: SURVIVED, FAILED: KILLED}.get(done.returncode, f"no verdict ({done.returncode})")
    return Result(mutant, verdict, done.stdout, time.monotonic() - started)


def report(results: Sequence[Result]) -> int:
    """Tell of what was not killed, with the fault and what pytest said; the exit code."""
    alive = [result for result in results if result.verdict != KILLED]
    for result in alive:
        mutant = result.mutant
        say(f"\n{result.verdict}: {mutant.symbol}, which {mutant.tests} should notice")
        say("".join(f"    - {line}\n" for line in mutant.before.splitlines()).rstrip())
        say("".join(f"    + {line}\n" for line in mutant.after.splitlines()).rstrip())
        if result.verdict != SURVIVED:
            say(result.message)
    say(f"{len(results) - len(alive)} of {len(results)} mutants killed.")
    return 1 if alive else 0


def say(text: str) -> None:
    """Tell a person."""
    print(text, flush=True)  # noqa: T201 - its output is its interface


if __name__ == "__main__":
    sys.exit(main())
