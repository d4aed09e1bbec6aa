"""Pulumi's OpenStack provider, with the login of an entry of clouds.yaml."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

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
    with _environment_aside():
        return openstack.Provider(
            "openstack", cloud=cloud, endpoint_type=None if interface == "public" else interface
        )


def account_provider(
    name: str,
    cloud: str,
    credential_id: pulumi.Input[str],
    credential_secret: pulumi.Input[str],
    parent: pulumi.Resource,
) -> openstack.Provider:
    """Return a provider NAME with the login of an application credential, for what the plugin makes in its login's project.

    Raises:
        pulumi.RunError: there is no such entry of clouds.yaml, which says where the cloud is.
    """
    try:
        found = entry(cloud)
    except CloudError as error:
        raise pulumi.RunError(f"openstack.cloud: {error}") from None
    with _environment_aside():
        return openstack.Provider(
            name,
            auth_url=found.auth_url,
            application_credential_id=credential_id,
            application_credential_secret=credential_secret,
            region=found.region or None,
            endpoint_type=None if found.interface == "public" else found.interface,
            cacert_file=found.ca_file,
            insecure=None if found.verified else True,
            opts=pulumi.ResourceOptions(parent=parent),
        )


@contextmanager
def _environment_aside() -> Iterator[None]:
    """The SDK would add OS_REGION_NAME and others of this shell, which may be meant for another cloud."""
    aside = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("OS_")}
    try:
        yield
    finally:
        os.environ.update(aside)
