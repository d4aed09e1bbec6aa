"""Keystone: domains with drivers of their own, configured over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.services import api, mariadb, memcached
from lab.settings import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render keystone.conf."""
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {"use_stderr": True, "public_endpoint": lab.url(lab.ports.keystone)},
        "database": {"connection": mariadb.connection(lab, secrets, "keystone")},
        "cache": {
            "enabled": True,
            "backend": "oslo_cache.memcache_pool",
            "memcache_servers": f"unix:{memcached.path(lab)}",
            # Keystone's default is ten minutes. Here people come and go in the directory while tests look.
            "expiration_time": 1,
        },
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": lab.data / "keystone" / "fernet"},
        "credential": {"key_repository": lab.data / "keystone" / "credential"},
        "identity": {
            "domain_specific_drivers_enabled": True,
            "domain_configurations_from_database": True,
            # Of one login's 0.2 s of processor time, nearly all. The lab's accounts are nobody's.
            "password_hash_rounds": 4,
        },
        "oslo_policy": {"enforce_scope": True, "enforce_new_defaults": True},
    }
    return (File(lab.etc / "keystone" / "keystone.conf", ini(sections)),)


def make_keys(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Make the keys that tokens and credentials are encrypted with, once."""
    made = lab.data / "keystone" / "keys.made"
    if made.exists():
        return
    made.parent.mkdir(exist_ok=True)
    for setup in ("fernet_setup", "credential_setup"):
        owner = ["--keystone-user", "root", "--keystone-group", "root"]
        api.manage(lab, "keystone", "keystone-manage", [setup, *owner], files(lab, secrets))
    made.touch()


def make_tables(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Bring the tables to the installed version."""
    api.manage(lab, "keystone", "keystone-manage", ["db_sync"], files(lab, secrets))


def bootstrap(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Make the first domain, project, roles, account and endpoints."""
    url = lab.url(lab.ports.keystone, "/v3")
    arguments = ["bootstrap", "--bootstrap-username", "admin", "--bootstrap-project-name", "admin"]
    arguments += ["--bootstrap-region-id", REGION]
    for interface in ("public", "internal", "admin"):
        arguments += [f"--bootstrap-{interface}-url", url]
    # The password goes through the environment: a process's arguments are everybody's to read.
    api.manage(
        lab,
        "keystone",
        "keystone-manage",
        arguments,
        files(lab, secrets),
        extra={"OS_BOOTSTRAP_PASSWORD": secrets["keystone/admin"]},
    )


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the one API."""
    return (
        api.uwsgi(lab, "keystone", port=lab.ports.keystone, health_path="/v3", files=files(lab, secrets)),
    )
