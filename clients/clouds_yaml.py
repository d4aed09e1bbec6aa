"""Entries of clouds.yaml: openstacksdk alone reads the file; what is wrong with an entry is a sentence. No network.

Secure files, vendor profiles, settings of a region and OS_ variables (entry `envvars`) count, as for the OpenStack client.
"""

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1.loading import get_plugin_loader
from openstack import exceptions as sdk_exceptions
from openstack.config import OpenStackConfig

from clients import regular_file
from clients.errors import CloudError

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

INTERFACES = ("public", "internal", "admin")
_PASSWORD_TYPES = frozenset({"password", "v3password"})
_MALFORMED = "it, or the file, is not a map of keys and values as an entry is"
_UNKNOWN_KEY = re.compile(r"unexpected keyword argument '([^']+)'")


@dataclass(frozen=True)
class Entry:
    """What an entry of clouds.yaml says of the cloud, and not of the account.

    Attributes:
        auth_url: Keystone's address.
        region: the region's name, empty where none is given.
        interface: which of the catalogue's addresses are used: public, internal or admin.
        ca_file: the CA that Keystone's certificate is checked against, None for the system's.
        verified: whether certificates are checked at all.
    """

    auth_url: str
    region: str
    interface: str
    ca_file: str | None
    verified: bool = True


def entry(cloud: str) -> Entry:
    """What the entry ``cloud`` says of the cloud."""
    region = region_of(cloud)
    settings = region.config
    auth_url = settings.get("auth", {}).get("auth_url")
    if not auth_url:
        raise CloudError(f"the entry {cloud!r} of clouds.yaml has no auth_url; add it under auth")
    return Entry(
        auth_url,
        settings.get("region_name") or "",
        (settings.get("interface") or "public").removesuffix("URL"),
        settings.get("cacert"),
        verified=region.get_requests_verify_args()[0] is not False,
    )


def region_of(cloud: str, **bounds: Any) -> "CloudRegion":
    """The entry ``cloud`` as openstacksdk reads it; ``bounds`` are added to it."""
    config: OpenStackConfig | None = None
    try:
        _refuse_fifos(cloud)
        config = OpenStackConfig()
        region = config.get_one(cloud, **bounds)
    except (
        sdk_exceptions.ConfigException,
        keystone_exceptions.MissingRequiredOptions,
        keystone_exceptions.NoMatchingPlugin,
        keystone_exceptions.OptionError,
    ) as error:
        # openstacksdk shows a whole region after "at:", with its password.
        raise unusable(cloud, _unreadable(config) or str(error).partition(" at: ")[0]) from None
    except TypeError as error:
        # keystoneauth hands every key under `auth` to its plugin's constructor.
        unknown = _UNKNOWN_KEY.search(str(error))
        raise unusable(cloud, _of_key(unknown[1], config, cloud) if unknown else _MALFORMED) from None
    except (AttributeError, ValueError, KeyError, IndexError):  # what it says may be a part of the file
        raise unusable(cloud, _MALFORMED) from None
    interface = region.config.get("interface")
    if interface and str(interface).removesuffix("URL") not in INTERFACES:
        raise unusable(cloud, f"its interface is {interface!r} and none of {', '.join(INTERFACES)}")
    return region


def login_of(cloud: str, **bounds: Any) -> "CloudRegion":
    """The same, of an entry that somebody logs in with."""
    region = region_of(cloud, **bounds)
    by_password = region.config.get("auth_type") in _PASSWORD_TYPES
    if by_password and not region.config.get("auth", {}).get("password"):
        raise unusable(cloud, "it has no password")  # keystoneauth finds out late, with a bare Exception
    verify, certificate = region.get_requests_verify_args()
    for path in (verify, *(certificate if isinstance(certificate, tuple) else (certificate,))):
        if not isinstance(path, str) or Path(path).is_dir():  # a folder of CAs is as good
            continue
        try:
            regular_file.opened(path).close()
        except OSError as error:
            raise unusable(
                cloud, f"its certificate file {path!r} cannot be read ({error.strerror})"
            ) from None
    return region


def unusable(cloud: str, reason: str) -> CloudError:
    """The sentence for an entry that is of no use."""
    return CloudError(
        f"clouds.yaml has no usable entry {cloud!r}: {reason.rstrip('.')}. "
        "Correct it, name another one, or point OS_CLIENT_CONFIG_FILE at the right file."
    )


def _refuse_fifos(cloud: str) -> None:
    """Refuse what openstacksdk would wait for without an end, where not even Ctrl-C helps."""
    for variable in ("OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"):
        path = os.environ.get(variable)
        if path and Path(path).is_fifo():
            raise unusable(cloud, f"{variable} names {path}, which is a FIFO, not a regular file")


def _of_key(key: str, config: OpenStackConfig | None, cloud: str) -> str:
    auth_type = "password"
    if config is not None:
        auth_type = config.get_one(cloud, validate=False).config.get("auth_type") or auth_type
    known = sorted(
        option.dest for option in get_plugin_loader(auth_type).get_options() if option.dest is not None
    )
    close = get_close_matches(key, known, n=1)
    hint = f"{close[0]!r} is one" if close else f"known there are {', '.join(known)}"
    return f"{key!r} is not a key of auth for auth_type {auth_type}; {hint}"


def _unreadable(config: OpenStackConfig | None) -> str | None:
    """Why a file is not read at all: openstacksdk passes over one that is no YAML, and finds no entry."""
    if config is None or config.config_filename:
        return None
    for path in config._config_files:  # noqa: SLF001 - where it looked
        try:
            yaml.safe_load(regular_file.text(path))
        except FileNotFoundError:
            continue
        except yaml.MarkedYAMLError as error:  # never its text: that may be a part of a secret
            line = error.problem_mark.line + 1 if error.problem_mark else "?"
            return f"{path} is no YAML from line {line} on"
        except (OSError, ValueError) as error:
            return f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
    return None
