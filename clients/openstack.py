"""A connection to OpenStack by the name of an entry in clouds.yaml."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import openstack
from keystoneauth1 import exceptions as keystone_exceptions
from openstack import exceptions as sdk_exceptions

from clients.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection

API_TIMEOUT_S = 60
RETRIES = 5  # with keystoneauth's growing pauses (0.5 s, doubled): half a minute in all
RETRIED_STATUS = [429, 503]


@contextmanager
def connect(cloud: str) -> Iterator[Connection]:
    """Yield an authorised connection as the clouds.yaml entry ``cloud`` says; close it afterwards.

    Refused connections, 429 and 503 are retried a bounded number of times, nothing else is.

    Raises:
        CloudError: no such entry, Keystone refuses the login, or it cannot be reached.
    """
    try:
        connection = openstack.connect(
            cloud=cloud,
            app_name="private-cloud",
            api_timeout=API_TIMEOUT_S,
            image_connect_retries=RETRIES,
            image_status_code_retries=RETRIES,
            image_retriable_status_codes=RETRIED_STATUS,
        )
    except (sdk_exceptions.ConfigException, keystone_exceptions.MissingRequiredOptions) as error:
        raise CloudError(
            f"clouds.yaml has no usable entry {cloud!r}: {error} "
            "Name an existing entry, or point OS_CLIENT_CONFIG_FILE at the right file."
        ) from error
    with connection:
        try:
            connection.authorize()
        except (sdk_exceptions.SDKException, keystone_exceptions.ClientException) as error:
            auth_url = connection.config.config.get("auth", {}).get("auth_url", "its auth_url")
            raise CloudError(
                f"cloud {cloud!r}: no token from {auth_url}: {str(error).splitlines()[0]} "
                "Check that Keystone answers there and that the entry's account and password are right."
            ) from error
        yield connection
