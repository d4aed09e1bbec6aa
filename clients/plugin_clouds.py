"""clouds.yaml for Pulumi's OpenStack plugin, written by openstacksdk: one reader of the file for the whole program.

The plugin's own reader knows less of the file, and takes OS_ variables whatever its arguments are. So it starts through
this module, with each entry as the program reads it, in memory, as its only clouds.yaml and no other OS_ variable
(docs/adr/0031-one-reader-of-clouds-yaml.md).
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from openstack import exceptions as sdk_exceptions
from openstack.config import OpenStackConfig

from clients.clouds_yaml import login_of, unusable
from clients.errors import CloudError

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

_AUTH_TYPES = {
    "password": "v3password",
    "v3password": "v3password",
    "token": "v3token",
    "v3token": "v3token",
    "v3applicationcredential": "v3applicationcredential",
}
# The plugin refuses both; keystoneauth takes the first.
_INSTEAD_OF = {
    "user_id": ("username", "user_domain_name", "user_domain_id"),
    "project_id": ("project_name", "project_domain_name", "project_domain_id"),
    "user_domain_id": ("user_domain_name",),
    "project_domain_id": ("project_domain_name",),
    "domain_id": ("domain_name",),
}
# Those that the plugin's resources of this program are made with.
_SERVICES = ("identity", "network", "compute", "block-storage")


def for_plugin(cloud: str) -> dict[str, Any]:
    """The entry ``cloud`` in the words that the plugin understands, complete but for its interface.

    The plugin takes the interface from the provider's argument ``endpoint_type`` alone.
    """
    region = login_of(cloud)
    if reason := _beyond_the_plugin(region):
        raise unusable(cloud, reason)
    verify, certificate = region.get_requests_verify_args()
    files = {"cacert": verify if isinstance(verify, str) else None}
    if certificate:  # one file with both, or two
        files["cert"], files["key"] = (
            certificate if isinstance(certificate, tuple) else (certificate, certificate)
        )
    entry = {
        "auth_type": _AUTH_TYPES[region.config["auth_type"]],
        "auth": _auth(region),
        "identity_api_version": "3",
        "verify": verify is not False,
        **{key: str(Path(path).expanduser().absolute()) for key, path in files.items() if path},
    }
    if name := region.config.get("region_name"):
        entry["region_name"] = name
    return entry


def _auth(region: "CloudRegion") -> dict[str, str]:
    auth = {key: str(value) for key, value in region.config["auth"].items() if value}
    defaults = {kind: auth.pop(f"default_domain_{kind}", None) for kind in ("id", "name")}
    for whose in ("user_domain", "project_domain"):
        if not {f"{whose}_id", f"{whose}_name"} & auth.keys():
            auth |= {f"{whose}_{kind}": default for kind, default in defaults.items() if default}
    for key, others in _INSTEAD_OF.items():
        if key in auth:
            auth = {name: value for name, value in auth.items() if name not in others}
    return auth


def _beyond_the_plugin(region: "CloudRegion") -> str | None:
    """What the entry says and the plugin cannot do."""
    auth_type, auth = region.config["auth_type"], region.config["auth"]
    if auth_type not in _AUTH_TYPES:
        return f"its auth_type is {auth_type}, and Pulumi's OpenStack plugin knows {', '.join(sorted(_AUTH_TYPES))}"
    if auth.get("system_scope"):
        return (
            "it has system_scope, and the services besides Keystone take no such token; give a project on which "
            "the account has the role admin"
        )
    if auth.get("trust_id"):
        return (
            "it has trust_id, which Pulumi's OpenStack plugin does not know; give an application credential"
        )
    for service in _SERVICES:
        # For a login without a scope, get_endpoint("identity") is auth_url.
        if region.get_endpoint(service) not in {None, auth["auth_url"]}:
            return (
                f"it has an endpoint_override for {service}, which Pulumi's OpenStack plugin does not know; mend the "
                "address in Keystone's catalogue"
            )
        for what, own, general in (
            ("region_name", region.get_region_name(service), region.get_region_name()),
            ("interface", region.get_interface(service), region.get_interface()),
        ):
            if own != general:
                return (
                    f"its {what} for {service} is {own!r} and in general {general!r}; Pulumi's OpenStack plugin has one "
                    "for all services"
                )
    return None


def rendered() -> str:
    """All entries that are of use, as the text of one clouds.yaml; whoever needs another is told that it is not there."""
    entries: dict[str, Any] = {}
    try:
        names = OpenStackConfig().get_cloud_names()
    except (sdk_exceptions.ConfigException, AttributeError, TypeError):  # the file is no such file
        names = []
    for name in names:
        try:
            entries[name] = for_plugin(name)
        except CloudError:
            continue
    return yaml.safe_dump({"clouds": entries})


def main(program: str, arguments: list[str]) -> None:
    """Become the plugin PROGRAM."""
    file = os.memfd_create("clouds.yaml", 0)  # inherited; no name, and gone with the plugin
    os.write(file, rendered().encode())
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OS_") and name != "PYTHONPATH"
    }
    # Its own reader looks for secure.yaml in the working folder first: an empty one is there.
    os.chdir(Path(program).parent)
    os.execve(program, [program, *arguments], {**others, "OS_CLIENT_CONFIG_FILE": f"/proc/self/fd/{file}"})  # noqa: S606 - no shell


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
