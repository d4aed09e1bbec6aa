"""An image that Nova and Cinder take, for tests to which it does not matter what is in it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import openstack
import pytest
from openstack.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.settings import Lab


@pytest.fixture
def image(lab: Lab) -> Iterator[Any]:
    """A raw image of 8 MiB in Ceph that belongs, as golden images do, to project `service`."""
    found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
    with Connection(config=found.get_one("lab-image-import")) as owner:
        made = owner.image.create_image(
            name=f"test-{secrets.token_hex(4)}",
            disk_format="raw",
            container_format="bare",
            visibility="community",
            data=b"lab" * (8 * 1024**2 // 3),
            validate_checksum=False,
            wait=True,
        )
        yield made
        owner.image.delete_image(made.id)
