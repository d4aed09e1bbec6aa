"""The people of a fleet, as the group, the cloud and the directory have them at this moment; read, and nothing changed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from clients import exact
from clients.errors import CloudError
from clients.keystone.domain import domain_id
from clients.keystone.group_members import accounts_in
from clients.openstack import Connection, answered, connect
from components.identity.directory_renderings import probe_settings
from config.directory import DirectorySpec
from config.fleet import FleetSpec
from dynamic_providers.server_fleet.nova import identity, servers_of
from dynamic_providers.server_fleet.people import Person, TwoHomesError, people
from dynamic_providers.server_fleet.server import Server
from dynamic_providers.server_fleet.user_data import keys_in, public_key


@dataclass(frozen=True)
class Owner:
    """A person of a fleet.

    Attributes:
        person: who it is, and what becomes of the machine.
        keys: the public SSH keys.
        held: why the machine may not be made, or made anew, now; empty where it may.
    """

    person: Person
    keys: tuple[str, ...]
    held: str


def owners(
    spec: FleetSpec,
    directory: DirectorySpec | None,
    cloud: str,
    owner_stack: str,
    warn: Callable[[str], None],
) -> list[Owner]:
    """Everybody whose machine or home is to be kept or made. What is not known, or wrong, WARN is told.

    Raises:
        pulumi.RunError: who has a machine is not known. Without that, what is there would be given up.
    """
    try:
        with connect(cloud) as admin:
            accounts = _accounts(spec, admin, warn)
            servers, homes = there(spec, admin, owner_stack)
        found, without = people(
            spec.name,
            accounts,
            [server.metadata for server in servers],
            {home["id"]: home["metadata"] for home in homes},
            keep_days=spec.keep_days,
            today=datetime.now(UTC).date(),
        )
    except (CloudError, SDKException, ClientException, TwoHomesError) as error:
        raise pulumi.RunError(f"fleet {spec.name}: who has a machine is not known: {error}") from None
    for sentence in without:
        warn(sentence)
    keys, unknown = _keys(spec, directory, [person.account for person in found if not person.left])
    if unknown:
        warn(f"the SSH keys of its people are not known, so they stay as they are: {unknown}")
    by_id = {home["id"]: home for home in homes}
    found_owners = []
    for person in found:
        own = [server for server in servers if server.member == person.machine]
        in_use = _in_use(by_id[person.home], own) if person.home else ""
        own_keys, no_key = _keys_of(person, own[0] if own else None, spec, keys, unknown)
        found_owners.append(Owner(person, own_keys, in_use or no_key))
    return found_owners


def _keys_of(
    person: Person,
    server: Server | None,
    spec: FleetSpec,
    keys: Mapping[str, tuple[str, ...]],
    unknown: str,
) -> tuple[tuple[str, ...], str]:
    """The keys that count for PERSON, and why without them no machine is made; empty for nothing."""
    if spec.ssh_keys is None:
        return (), ""
    if person.left or (unknown and server):
        return keys_in(server.user_data) if server else (), ""
    own = keys.get(person.account, ())
    none = unknown or f"{person.account} has no SSH key in {spec.ssh_keys.ldap or spec.ssh_keys.files}"
    return own, "" if own else none


def _accounts(spec: FleetSpec, admin: Connection, warn: Callable[[str], None]) -> list[str] | None:
    assert spec.people is not None
    if spec.people.group is None:
        return list(spec.people.names)
    try:
        return accounts_in(admin, spec.people.group, spec.people_domain)
    except (CloudError, SDKException, ClientException) as error:
        warn(f"who belongs to it is not known, so nobody is taken for gone or for new: {error}")
        return None


def there(spec: FleetSpec, admin: Connection, owner_stack: str) -> tuple[list[Server], list[dict[str, Any]]]:
    """The servers and homes of the fleet that the cloud has; nothing for a project that is yet to be made.

    Raises:
        CloudError: a service does not tell.
    """
    project_id = _project_id(spec, admin)
    if project_id is None:
        return [], []
    rows: list[dict[str, Any]] = []
    if admin.endpoint_for("block-storage"):
        url = f"/volumes/detail?all_tenants=1&project_id={project_id}"
        while url:
            page = answered(admin.block_storage.get(url), "Cinder", f"list volumes of {project_id}")
            rows += page["volumes"]
            links = {link["rel"]: link["href"] for link in page.get("volumes_links", ())}
            url = links.get("next", "")
    ours = identity(owner_stack, spec.name)
    homes = [row for row in rows if exact.only([row["metadata"]], ours) and row["status"] != "deleting"]
    return servers_of(admin, project_id, owner_stack, spec.name), homes


def _project_id(spec: FleetSpec, admin: Connection) -> str | None:
    domain = domain_id(admin, spec.project.domain)
    if domain is None:
        return None
    query = {"domain_id": domain}
    answer, projects = exact.listed(admin.identity, "projects", {"name": spec.project.name}, query)
    answered(answer, "Keystone", f"look for project {spec.project.name!r}")
    return str(projects[0]["id"]) if projects else None


def _keys(
    spec: FleetSpec, directory: DirectorySpec | None, accounts: Iterable[str]
) -> tuple[dict[str, tuple[str, ...]], str]:
    """The keys of ACCOUNTS, and why they are not known, if they are not."""
    if spec.ssh_keys is None:
        return {}, ""
    if spec.ssh_keys.files:
        lines = {account: _lines(spec.ssh_keys.files, account) for account in accounts}
    elif directory and spec.ssh_keys.ldap:
        from clients.directory.probe import values  # noqa: PLC0415 - python-ldap takes long to import

        try:
            lines = values(probe_settings(directory), accounts, spec.ssh_keys.ldap)
        except CloudError as error:
            return {}, str(error)
    found = {account: {public_key(line) for line in text} - {""} for account, text in lines.items()}
    return {account: tuple(sorted(keys)) for account, keys in found.items()}, ""


def _lines(folder: Path, account: str) -> list[str]:
    path = folder / f"{account}.pub"
    if path.parent != folder or not path.is_file():  # an account's name may have a slash
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _in_use(home: Mapping[str, Any], own: Iterable[Server]) -> str:
    """Why HOME cannot be attached to its owner's server, one of OWN; empty where it can."""
    ids = {server.id for server in own}
    others = [one["server_id"] for one in home.get("attachments", ()) if one["server_id"] not in ids]
    if others:
        return f"its home, volume {home['id']}, is attached to server {', '.join(others)}; detach it there"
    if home["status"].startswith("error"):
        return f"its home, volume {home['id']}, has the status {home['status']}"
    return ""
