"""Fixtures that every lab test can ask for."""

import subprocess
from collections.abc import Iterator

import pytest

from lab.settings import Lab
from tests.lab.cloud_stack import cloud_stack

__all__ = ["cloud_stack", "lab"]


def command(name: str) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m lab NAME` with the Python that the Makefile uses."""
    return subprocess.run(["/usr/bin/python3", "-m", "lab", name], cwd=Lab().root, check=False)


@pytest.fixture(scope="session", autouse=True)
def lab() -> Iterator[Lab]:
    """The lab, up; stopped again afterwards if it was not up before."""
    was_up = Lab().clouds.exists() and command("status").returncode == 0
    command("up").check_returncode()
    yield Lab()
    if not was_up:
        command("down").check_returncode()
