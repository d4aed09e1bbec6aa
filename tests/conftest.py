"""What every kind of test has."""

import warnings

import pytest

from tests.results import ProcessorTime

with warnings.catch_warnings():  # before warnings become errors: what warns whenever it is imported
    warnings.simplefilter("ignore", DeprecationWarning)  # its own deprecated classes, told on import
    import pulumi_openstack  # noqa: F401 - for what the import does


def pytest_configure(config: pytest.Config) -> None:
    """Have every test's processor time measured."""
    config.pluginmanager.register(ProcessorTime())
