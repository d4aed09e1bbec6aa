"""Pulumi's OpenStack provider, with the login of an entry of clouds.yaml."""

import os

import pulumi
import pulumi_openstack as openstack

from clients.clouds_yaml import entry
from clients.errors import CloudError
from clients.plugin_clouds import for_plugin


def openstack_provider(cloud: str) -> openstack.Provider:
    """Return the provider for the entry CLOUD. The state has only its name, so each person can use their own login.

    Raises:
        pulumi.RunError: there is no such entry, or it has a setting that the plugin does not support.
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
