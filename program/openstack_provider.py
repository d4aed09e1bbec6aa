"""Pulumi's OpenStack provider, with the login of an entry of clouds.yaml."""

import os

import pulumi
import pulumi_openstack as openstack

from clients.clouds_yaml import entry
from clients.errors import CloudError
from clients.plugin_clouds import for_plugin


def openstack_provider(cloud: str) -> openstack.Provider:
    """The provider for the entry CLOUD; it has the entry's name, so no login is in the state and each person's own works.

    Raises:
        pulumi.RunError: there is no such entry, or it says what the plugin cannot do.
    """
    try:
        for_plugin(cloud)
        interface = entry(cloud).interface
    except CloudError as error:
        raise pulumi.RunError(f"openstack.cloud: {error}") from None
    # The SDK would add OS_REGION_NAME and others of this shell, which may be meant for another cloud.
    aside = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("OS_")}
    try:
        return openstack.Provider(
            "openstack", cloud=cloud, endpoint_type=None if interface == "public" else interface
        )
    finally:
        os.environ.update(aside)
