"""Passwords and keys: random, made once at the first `up`, kept in a file only root can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
import struct
import threading
import time
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lab.settings import Lab

ACCOUNTS = ("admin", "glance", "neutron", "placement", "nova", "cinder", "image-import", "ci-runner")
DATABASES = ("keystone", "glance", "neutron", "placement", "nova", "cinder")
BROKER = ("neutron", "nova", "cinder", "erlang-cookie")
ONE_WRITER = threading.Lock()  # steps side by side write the same service's configuration
LDAP = ("ldap-bind", "ldap-people")
# Kolla's own names, of which kolla-genpwd would make a hundred more; these are what its roles for Nova and Neutron
# ask for. Nothing in the lab lets anybody in by them: whom they would let in is a fake.
KOLLA = (
    "cinder_keystone_password",
    "database_password",
    "docker_registry_password",
    "keystone_admin_password",
    "libvirt_sasl_password",
    "memcache_secret_key",
    "metadata_secret",
    "neutron_database_password",
    "neutron_keystone_password",
    "nova_api_database_password",
    "nova_database_password",
    "nova_keystone_password",
    "osprofiler_secret",
    "placement_database_password",
    "placement_keystone_password",
    "rabbitmq_cluster_cookie",
    "rabbitmq_password",
)
CEPHX = (
    "mon.",
    "client.admin",
    "mgr.lab",
    "client.glance",
    "client.cinder",
    "client.nova",
    "client.image-import",
    "client.rgw.lab",
    "osd.0",
    "osd.1",
    "osd.2",
    "osd.3",
    "osd.4",
)


def cephx_key() -> str:
    """A key in cephx's own shape: type 1 (AES), seconds, nanoseconds, length, 16 random bytes."""
    header = struct.pack("<hiih", 1, int(time.time()), 0, 16)
    return base64.b64encode(header + os.urandom(16)).decode()


def load(lab: Lab) -> dict[str, str]:
    """Return every secret by name, making those that are missing."""
    path = lab.etc / "secrets.json"
    try:
        known: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        known = {}
    wanted = {f"keystone/{name}": secrets.token_hex(16) for name in ACCOUNTS}
    wanted |= {f"mariadb/{name}": secrets.token_hex(16) for name in DATABASES}
    wanted |= {f"rabbitmq/{name}": secrets.token_hex(16) for name in BROKER}
    wanted |= {f"ldap/{name}": secrets.token_hex(16) for name in LDAP}
    wanted |= {f"kolla/{name}": secrets.token_hex(16) for name in KOLLA}
    wanted |= {f"cephx/{name}": cephx_key() for name in CEPHX}
    wanted |= {f"uuid/osd.{number}": str(uuid.uuid4()) for number in range(5)}
    wanted |= {
        f"uuid/{name}": str(uuid.uuid4()) for name in ("fsid", "libvirt-secret", "libvirt-secret-volumes")
    }
    merged = wanted | known
    if merged != known:
        write_private(path, json.dumps(merged, indent=1, sort_keys=True) + "\n")
    return merged


def write_private(path: Path, text: str) -> bool:
    """Write a file of mode 0600 in one move; say whether it changed."""
    with ONE_WRITER:
        try:
            if path.read_text() == text:
                return False
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(path)
        return True
