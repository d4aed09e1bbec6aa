"""A connection to the lab as its administrator, for what is set up through the services' own APIs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection

    from lab.settings import Lab


@contextmanager
def admin_connection(lab: Lab) -> Iterator[Connection]:
    """Connects by the entry lab-admin of the lab's own clouds.yaml, whatever this shell says; closes it afterwards."""
    import openstack  # noqa: PLC0415 - only the lab's venv has it, and `install` runs without

    found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
    with openstack.connection.Connection(config=found.get_one("lab-admin")) as connection:
        yield connection
