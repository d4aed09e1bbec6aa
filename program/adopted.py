"""Check at preview and up that each `adopt` id of the stack file belongs to the declared object.

The engine imports whatever object has the id, and then changes it to what is declared: a project with another name
would be renamed. components/identity/grants.py compares a grant's id, and an image's provider an image's.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, cast

import pulumi
from openstack.exceptions import NotFoundException, SDKException

from clients.errors import CloudError
from clients.names import folded
from clients.openstack import connect
from config.flavor import FlavorSpec
from config.network import ProviderNetworkSpec
from config.security_group import SecurityGroupSpec
from config.server_group import ServerGroupSpec
from config.settings import Settings

if TYPE_CHECKING:
    from openstack.connection import Connection
    from openstack.identity.v3._proxy import Proxy


def check_adopted(settings: Settings) -> None:
    """Refuse an `adopt` that is another object's id. Without any `adopt` the cloud is not contacted.

    The engine reports an id that no object has. Names are compared as the services compare them.

    Raises:
        pulumi.RunError: with a sentence for each wrong id; nothing was registered yet.
    """
    of_keystone = [*settings.domains, *settings.projects, *settings.accounts]
    identity = any(spec.adopt for spec in of_keystone)
    shares = any(share.adopt for network in settings.networks for share in network.shared_with)
    networks = [spec for spec in settings.networks if _adopts(spec)]
    groups = [spec for spec in settings.security_groups if spec.adopt]
    flavors = [spec for spec in settings.flavors if spec.adopt]
    server_groups = [spec for spec in settings.server_groups if spec.adopt]
    if not (identity or networks or groups or flavors or server_groups):
        return
    try:
        with connect(settings.openstack.cloud) as conn:
            keystone = _Keystone(conn) if identity or shares or groups or server_groups else None
            wrong = [
                *(_identity(settings, keystone) if keystone else ()),
                *_networks(networks, conn, keystone),
                *(_security_groups(groups, conn, keystone) if keystone else ()),
                *_flavors(flavors, conn),
                *(_server_groups(server_groups, conn, keystone) if keystone else ()),
            ]
    except (CloudError, SDKException) as error:
        raise pulumi.RunError(
            f"whether what is adopted is what is declared could not be looked at: {error}"
        ) from None
    if wrong:
        raise pulumi.RunError("\n".join(wrong))


class _Keystone:
    """The names of domains and projects, by id."""

    def __init__(self, conn: "Connection") -> None:
        self.identity = cast("Proxy", conn.identity)  # the SDK's types have its v2 too
        self.domains = {domain.id: domain.name for domain in self.identity.domains()}
        self.projects = {project.id: self._qualified(project) for project in self.identity.projects()}

    def user(self, id_: str) -> str | None:
        """NAME@DOMAIN."""
        try:
            return self._qualified(self.identity.get_user(id_))
        except NotFoundException:
            return None

    def _qualified(self, found: Any) -> str:
        return f"{found.name}@{self.domains.get(found.domain_id, found.domain_id)}"


def _identity(settings: Settings, keystone: _Keystone) -> Iterator[str]:
    for domain in settings.domains:
        if domain.adopt:
            yield from _mismatch("domain", domain.adopt, keystone.domains.get(domain.adopt), [domain.name])
    for project in settings.projects:
        if project.adopt:
            found = keystone.projects.get(project.adopt)
            yield from _mismatch("project", project.adopt, found, [project.qualified_name])
    for account in settings.accounts:
        if account.adopt:
            names = [f"{name}@{account.domain}" for name in (account.name, account.renamed_from) if name]
            yield from _mismatch("account", account.adopt, keystone.user(account.adopt), names)


def _networks(
    specs: Sequence[ProviderNetworkSpec], conn: "Connection", keystone: _Keystone | None
) -> Iterator[str]:
    """Check networks, and subnets and shares by names that include their network."""
    if not specs:
        return
    live = {network.id: network.name for network in conn.network.networks()}
    subnets = {
        subnet.id: f"{live.get(subnet.network_id, subnet.network_id)}/{subnet.name}"
        for subnet in conn.network.subnets()
    }
    projects = keystone.projects if keystone else {}
    policies = {
        policy.id: f"{live.get(policy.object_id, policy.object_id)} with "
        f"{projects.get(policy.target_project_id, policy.target_project_id)}"
        for policy in (conn.network.rbac_policies() if keystone else ())
    }
    for spec in specs:
        names = [name for name in (spec.name, spec.renamed_from) if name]
        if spec.adopt:
            yield from _mismatch("network", spec.adopt, live.get(spec.adopt), names)
        for subnet in spec.subnets:
            if subnet.adopt:
                theirs = [name for name in (subnet.name, subnet.renamed_from) if name]
                declared = [f"{of}/{name}" for of, name in product(names, theirs)]
                yield from _mismatch("subnet", subnet.adopt, subnets.get(subnet.adopt), declared)
        for share in spec.shared_with:
            if share.adopt:
                declared = [f"{of} with {share.qualified_name}" for of in names]
                yield from _mismatch("share", share.adopt, policies.get(share.adopt), declared)


def _security_groups(
    specs: Sequence[SecurityGroupSpec], conn: "Connection", keystone: _Keystone
) -> Iterator[str]:
    """Groups by names that include their project."""
    if not specs:
        return
    live = {
        group.id: f"{keystone.projects.get(group.project_id, group.project_id)}/{group.name}"
        for group in conn.network.security_groups()
    }
    for spec in specs:
        if spec.adopt:
            names = [f"{spec.project_name}/{name}" for name in (spec.name, spec.renamed_from) if name]
            yield from _mismatch("security group", spec.adopt, live.get(spec.adopt), names)


def _flavors(specs: Sequence[FlavorSpec], conn: "Connection") -> Iterator[str]:
    """A flavor's access is adopted by the flavor's and the project's ids, which say it all."""
    if not specs:
        return
    live = {flavor.id: flavor.name for flavor in conn.compute.flavors(details=False, is_public="None")}
    for spec in specs:
        if spec.adopt:
            yield from _mismatch("flavor", spec.adopt, live.get(spec.adopt), [spec.name])


def _server_groups(
    specs: Sequence[ServerGroupSpec], conn: "Connection", keystone: _Keystone
) -> Iterator[str]:
    """Groups by names that include their project; what else they are, their provider compares."""
    if not specs:
        return
    live = {
        group.id: f"{keystone.projects.get(group.project_id, group.project_id)}/{group.name}"
        for group in conn.compute.server_groups(all_projects=True)
    }
    for spec in specs:
        if spec.adopt:
            yield from _mismatch("server group", spec.adopt, live.get(spec.adopt), [spec.qualified_name])


def _adopts(spec: ProviderNetworkSpec) -> bool:
    return any(entry.adopt for entry in (spec, *spec.subnets, *spec.shared_with))


def _mismatch(kind: str, id_: str, found: str | None, declared: list[str]) -> Iterator[str]:
    if found is not None and folded(found) not in {folded(name) for name in declared}:
        yield (
            f"{kind} {declared[0]!r} has adopt: {id_}, which is {found!r}; write the id of {declared[0]!r}, declare "
            f"what is there and rename it afterwards, or leave adopt out"
        )
