"""Accounts for one run alone, whose secrets are canaries: a Keystone administrator, an image import, a cephx user."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openstack.connection import Connection

from clients import ceph
from lab.services.ceph_configuration import CAPS
from lab.settings import Lab

AWKWARD = '"it\'s" <a> & b+c/=? \\n é '
"""Characters that every way of quoting treats differently."""


def awkward() -> str:
    """A password that nobody else has."""
    return f"{AWKWARD}{secrets.token_hex(8)}"


@dataclass(frozen=True)
class CanaryAccounts:
    """What logs in, and where its secrets are meant to be.

    Attributes:
        cloud: the administrator's entry of clouds.yaml.
        import_cloud: the image import's.
        ceph_user: without ``client.``.
        environment: what a program needs to find the files.
        meant: the files that hold the secrets.
        canaries: the secrets, by their kind.
    """

    cloud: str
    import_cloud: str
    ceph_user: str
    environment: dict[str, str]
    meant: frozenset[Path]
    canaries: dict[str, bytes]


@contextmanager
def canary_accounts(lab: Lab, admin: Connection, folder: Path) -> Iterator[CanaryAccounts]:
    """Makes them, with their files in FOLDER; they are gone afterwards."""
    name = f"canary-{secrets.token_hex(3)}"
    import_name = f"{name}-import"
    passwords = {name: awkward(), import_name: awkward()}
    identity: Any = admin.identity  # the SDK's types have its v2 too
    projects = {project.name: project for project in identity.projects(domain_id="default")}
    roles = {role.name: role for role in identity.roles()}
    folder.mkdir(mode=0o700)
    users = []
    with ceph.cluster("admin", str(lab.ceph_conf)) as cluster:
        try:
            for user_name, project, names in (
                (name, "admin", ("admin",)),
                (import_name, "service", ("service", "member")),
            ):
                user = identity.create_user(
                    name=user_name, domain_id="default", password=passwords[user_name]
                )
                users.append(user)
                for role in names:
                    identity.assign_project_role_to_user(projects[project], user, roles[role])
            key = cephx_user(cluster, name)
            clouds, keyring, conf = (folder / file for file in ("clouds.yaml", "keyring", "ceph.conf"))
            private(clouds, clouds_yaml(lab, {"lab-admin": name, "lab-image-import": import_name}, passwords))
            private(keyring, f"[client.{name}]\n\tkey = {key}\n")
            of_lab = lab.ceph_conf.read_text(encoding="utf-8")
            private(conf, f"{of_lab}\n[client.{name}]\nkeyring = {keyring}\n")
            yield CanaryAccounts(
                cloud=name,
                import_cloud=import_name,
                ceph_user=name,
                environment={
                    "OS_CLIENT_CONFIG_FILE": str(clouds),
                    "OS_CLOUD": name,
                    "CEPH_CONF": str(conf),
                },
                meant=frozenset({clouds, keyring}),
                canaries={
                    "administrator's Keystone password": passwords[name].encode(),
                    "image import's Keystone password": passwords[import_name].encode(),
                    "Ceph key": key.encode(),
                },
            )
        finally:
            for user in users:
                identity.delete_user(user)
            ceph.command(cluster, "auth del", entity=f"client.{name}")


def cephx_user(cluster: Any, name: str) -> str:
    """Makes a cephx user that may import images; its key."""
    caps = [word for entry in CAPS["client.image-import"].items() for word in entry]
    (made,) = ceph.command(cluster, "auth get-or-create", entity=f"client.{name}", caps=caps)
    return str(made["key"])


def clouds_yaml(lab: Lab, names: dict[str, str], passwords: dict[str, str]) -> str:
    """The lab's entries, for users of other names."""
    known = json.loads(lab.clouds.read_text(encoding="utf-8"))["clouds"]
    entries = {}
    for entry, name in names.items():
        entries[name] = deepcopy(known[entry])
        entries[name]["auth"] |= {"username": name, "password": passwords[name]}
    return json.dumps({"clouds": entries}, ensure_ascii=False)


def private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
