"""The lab, up for as long as somebody needs it, and afterwards as it was."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import settings
from lab.hosts import count
from lab.settings import Lab
from lab.supervisor import Supervisor


def command(*words: str, root: Path = settings.CHECKOUT) -> subprocess.CompletedProcess[str]:
    """Run `python -m lab WORDS` with the Python that the Makefile uses."""
    return subprocess.run(
        ["/usr/bin/python3", "-m", "lab", *words], cwd=root, check=False, capture_output=True, text=True
    )


def brought(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """Fail, with what the command said, if it failed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@contextmanager
def running_lab() -> Iterator[Lab]:
    """The lab, up; stopped again afterwards if it was not up before."""
    found = settings.load()
    # Also where something in it is unhealthy: stopping it is for whoever started it.
    was_up = found.home.is_symlink() and Supervisor(found).answers()
    brought(command("up"))
    try:
        yield settings.load()
    finally:
        if not was_up:
            brought(command("down"))


@contextmanager
def with_hosts(lab: Lab, wanted: int) -> Iterator[None]:
    """That many simulated hosts at least; those that the lab did not have before are gone again afterwards."""
    before = count.recorded(lab)
    if before < wanted:
        brought(command("up", "--hosts", str(wanted)))
    try:
        yield
    finally:
        if before < wanted:
            brought(command("up", "--hosts", str(before)))
