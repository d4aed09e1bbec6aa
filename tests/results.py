"""What the tests of the last run said and cost, from JUnit's XML: the end of `make test`, and `make test-times`.

Processor time is that of pytest and of every process that a test started and waited for; the lab's services are not in
it.
"""

import argparse
import os
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.warm import start

FOLDER = Path(__file__).parents[1] / ".cloud" / "test-results"
KINDS = ("unit", "engine", "lab")
SLOWEST = 50
_PROCESSOR = "processor_seconds"
_GROUP = re.compile(r"@[a-z0-9_]+$")  # pytest-xdist adds a test's group to its name


class ProcessorTime:
    """A plugin of pytest that gives every test's processor time to JUnit's XML."""

    def __init__(self) -> None:
        self._before = _used()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Add what was used since the test before this one."""
        if call.when == "teardown":
            now = _used()
            item.user_properties.append((_PROCESSOR, f"{now - self._before:.3f}"))
            self._before = now


def _used() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system + start.used()


@dataclass(frozen=True)
class Result:
    """One test.

    Attributes:
        test: its file, below tests/, and its name.
        seconds: what it took by the clock, with its fixtures.
        processor_seconds: what its own processes used.
        skipped: whether it was.
        failure: the first line of why it failed, None if it did not.
    """

    test: str
    seconds: float
    processor_seconds: float
    skipped: bool
    failure: str | None

    @property
    def kind(self) -> str:
        """Which of KINDS it is."""
        return self.test.split("/")[0]


def results(folder: Path = FOLDER) -> list[Result]:
    """All tests of the runs whose XML is in FOLDER."""
    return [result for file in sorted(folder.glob("*.xml")) for result in _of(file)]


def _of(file: Path) -> Iterator[Result]:
    for case in ET.parse(file).iter("testcase"):  # noqa: S314 - pytest wrote it
        if "classname" not in case.attrib:  # pytest knows of it that its fixtures were ready, and no more
            yield Result("lab/unknown.py::unknown", 0, 0, skipped=False, failure="its worker was killed")
            continue
        module = case.attrib["classname"].removeprefix("tests.").replace(".", "/")
        used = [row.attrib["value"] for row in case.iter("property") if row.attrib["name"] == _PROCESSOR]
        failures = [row.attrib["message"] for row in case if row.tag in {"failure", "error"}]
        yield Result(
            f"{module}.py::{_GROUP.sub('', case.attrib['name'])}",
            float(case.attrib["time"]),
            sum(map(float, used)),
            case.find("skipped") is not None,
            failures[0].partition("\n")[0] if failures else None,
        )


def summary(found: list[Result]) -> str:
    """The tests that failed, and how many did what."""
    failed = [
        f"FAILED tests/{result.test}: {result.failure}" for result in found if result.failure is not None
    ]
    skipped = sum(result.skipped for result in found)
    counts = f"{len(found) - len(failed) - skipped} passed, {len(failed)} failed"
    return "\n".join([*failed, f"{counts}, {skipped} skipped" if skipped else counts])


def totals(found: list[Result]) -> str:
    """A table of what each kind cost."""
    lines = ["| Kind | Tests | Seconds, one after the other | Processor seconds |", "|---|---|---|---|"]
    for kind in KINDS:
        of_kind = [result for result in found if result.kind == kind]
        seconds, used = (
            sum(getattr(result, name) for result in of_kind) for name in ("seconds", "processor_seconds")
        )
        lines.append(f"| {kind} | {len(of_kind)} | {seconds:.0f} | {used:.0f} |")
    return "\n".join(lines)


def slowest(found: list[Result]) -> str:
    """A table of the tests that take longest."""
    lines = ["| Test | Seconds | Processor seconds |", "|---|---|---|"]
    lines.extend(
        f"| {result.test} | {result.seconds:.1f} | {result.processor_seconds:.1f} |"
        for result in sorted(found, key=lambda result: -result.seconds)[:SLOWEST]
    )
    return "\n".join(lines)


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where a run's XML is (default: the last run's)"
    )
    found = results(parser.parse_args().folder)
    if not found:
        sys.stderr.write("No run is kept; run `make test` first.\n")
        return 1
    sys.stdout.write(f"{totals(found)}\n\n{slowest(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
