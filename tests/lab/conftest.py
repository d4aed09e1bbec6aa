"""Fixtures that every lab test can ask for."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest
from openstack.connection import Connection

from lab import settings
from lab.settings import Lab
from lab.supervisor import Supervisor
from tests.lab.cloud_stack import cloud_stack
from tests.lab.own_directory import own_directory

__all__ = ["admin", "cloud_stack", "lab", "own_directory"]


def command(name: str, root: Path = settings.CHECKOUT) -> subprocess.CompletedProcess[str]:
    """Run `python -m lab NAME` with the Python that the Makefile uses."""
    return subprocess.run(
        ["/usr/bin/python3", "-m", "lab", name], cwd=root, check=False, capture_output=True, text=True
    )


def brought(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """Fail, with what the command said, if it failed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session", autouse=True)
def lab() -> Iterator[Lab]:
    """The lab, up; stopped again afterwards if it was not up before."""
    found = settings.load()
    # Also where something in it is unhealthy: stopping it is for whoever started it.
    was_up = found.home.is_symlink() and Supervisor(found).answers()
    brought(command("up"))
    yield settings.load()
    if not was_up:
        brought(command("down"))


@pytest.fixture
def admin(lab: Lab) -> Iterator[Connection]:
    """The lab's administrator."""
    found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
    with Connection(config=found.get_one("lab-admin")) as connection:
        yield connection
