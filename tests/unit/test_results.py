"""What a run of the tests says at its end, read from what pytest wrote under pytest-xdist."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import results

ROOT = Path(__file__).parents[2]
CONFTEST = """\
from tests.results import ProcessorTime

def pytest_configure(config):
    config.pluginmanager.register(ProcessorTime())
"""
TESTS = """\
import os
import time
import pytest

pytestmark = pytest.mark.xdist_group(name="ceph")

@pytest.fixture(autouse=True)
def written_down():
    with open("workers", "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)

def test_works():
    busy = time.process_time()
    while time.process_time() - busy < 0.2:
        pass

@pytest.mark.parametrize("name", ["one@two"])
def test_fails(name):
    assert name == "three", "told\\nat length"

@pytest.mark.skip(reason="never")
def test_is_skipped():
    pass

@pytest.fixture
def broken():
    raise OSError("no room")

def test_has_no_fixture(broken):
    pass
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "tests" / "lab").mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "tests" / "lab" / "test_some.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "--junitxml=kept/some.xml",
    ]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    workers = (folder / "workers").read_text().split()
    assert len(workers) > 1
    assert len(set(workers)) == 1, "a group's tests run in one process"
    return results.results(folder / "kept")


def test_every_test_has_its_file_its_time_and_its_processor_time(found):
    first = found[0]
    assert (first.test, first.kind, first.failure) == ("lab/test_some.py::test_works", "lab", None)
    assert first.processor_seconds >= 0.2
    assert first.seconds >= first.processor_seconds / 2


def test_what_failed_is_named_last_with_its_reason_and_all_are_counted(found):
    *failed, counts = results.summary(found).splitlines()
    assert failed == [
        "FAILED tests/lab/test_some.py::test_fails[one@two]: AssertionError: told",
        'FAILED tests/lab/test_some.py::test_has_no_fixture: failed on setup with "OSError: no room"',
    ]
    assert counts == "1 passed, 2 failed, 1 skipped"


def test_the_tables_have_a_row_for_each_kind_and_the_slowest_first(found):
    assert results.totals(found).splitlines()[-1].startswith("| lab | 4 | ")
    assert results.slowest(found).splitlines()[2].startswith("| lab/test_some.py::test_works | ")
