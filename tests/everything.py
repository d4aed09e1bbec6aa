"""The tests, beside the lab: `make test`, `make test-nightly` and `make test-changed`.

Four processes of pytest work side by side (pytest-xdist). Tests of one group share something, and run one after the
other in one process; tests without a group fill the rest. Those that stop the lab's parts come last, alone.
"""

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys

from lab import preflight, settings
from lab.hosts.preflight import other_holder
from lab.settings import Lab
from tests import results
from tests.lab.running_lab import running_lab, with_hosts
from tests.lab.simulated_hosts import WANTED

PROCESSES = 4  # two of them wait, mostly, for the simulated hosts and for Ceph
NOTHING_SELECTED = 5  # pytest's exit code


def run(name: str, *options: str) -> bool:
    """Run pytest, whose results are kept under NAME; whether all passed."""
    kept = results.FOLDER / f"{name}.xml"
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", f"--junitxml={kept}", *options]
    done = subprocess.run(command, env=os.environ | {"PYTHONUNBUFFERED": "1"}, check=False)
    return done.returncode in {0, NOTHING_SELECTED}


def free_address() -> str:
    """Where on this machine no other lab is: neither its services nor its hosts' network."""
    for number in range(1, 255):
        lab = Lab(root=settings.CHECKOUT, address=f"127.0.0.{number}")
        free = all(preflight.is_free(lab.address, port) for port in dataclasses.astuple(lab.ports))
        if free and other_holder(lab) is None:
            return lab.address
    return settings.DEFAULT_ADDRESS  # whose `up` says what is taken by whom


def main() -> int:
    """Run them; 0 where all passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nightly", action="store_true", help="those that are marked so, too")
    parser.add_argument("paths", nargs="*", default=["tests"], help="files or folders of tests")
    given = parser.parse_args()
    also = "" if given.nightly else " and not nightly"
    shutil.rmtree(results.FOLDER, ignore_errors=True)
    if settings.recorded_address(settings.CHECKOUT) is None:
        os.environ.setdefault("LAB_ADDRESS", free_address())
    with running_lab() as lab:
        with with_hosts(lab, WANTED):
            spread = ("-n", str(PROCESSES), "--dist", "loadgroup")
            passed = run("beside", *spread, "-m", f"not alone{also}", *given.paths)
        passed &= run("alone", "-m", f"alone{also}", *given.paths)
    sys.stdout.write(f"{results.summary(results.results())}\n")
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
