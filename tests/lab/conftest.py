"""Fixtures that every lab test can ask for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openstack
import pytest
from openstack.connection import Connection

from lab.settings import Lab
from tests.lab.cloud_stack import cloud_stack
from tests.lab.own_directory import own_directory
from tests.lab.running_lab import running_lab

__all__ = ["admin", "administrator", "cloud_stack", "lab", "own_directory"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share its stack and run one after the other, unless it says what they share with other files'."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(name=item.path.stem))


@pytest.fixture(scope="session", autouse=True)
def lab() -> Iterator[Lab]:
    """The lab, up; stopped again afterwards if it was not up before."""
    with running_lab() as found:
        yield found


@contextmanager
def _administrator(lab: Lab) -> Iterator[Connection]:
    found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
    with Connection(config=found.get_one("lab-admin")) as connection:
        yield connection


@pytest.fixture
def admin(lab: Lab) -> Iterator[Connection]:
    """The lab's administrator."""
    with _administrator(lab) as connection:
        yield connection


@pytest.fixture(scope="module")
def administrator(lab: Lab) -> Iterator[Connection]:
    """The same, with one login for a file's tests."""
    with _administrator(lab) as connection:
        yield connection
