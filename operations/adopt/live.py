"""What a running cloud holds, read once and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from openstack.identity.v3._proxy import Proxy

if TYPE_CHECKING:
    from openstack.connection import Connection
    from openstack.identity.v3.domain import Domain
    from openstack.identity.v3.project import Project
    from openstack.identity.v3.role_assignment import RoleAssignment
    from openstack.network.v2.network import Network
    from openstack.network.v2.rbac_policy import RBACPolicy
    from openstack.network.v2.subnet import Subnet


@dataclass(frozen=True)
class Live:
    """Everything of the cloud that may be adopted, and what is needed to name it, as openstacksdk gives it."""

    domains: tuple[Domain, ...] = ()
    projects: tuple[Project, ...] = ()
    assignments: tuple[RoleAssignment, ...] = ()
    networks: tuple[Network, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    shares: tuple[RBACPolicy, ...] = ()
    domain_names: dict[str, str] = field(init=False)
    """The name of each domain, by its id."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain_names", {domain.id: domain.name for domain in self.domains})


def look(connection: Connection) -> Live:
    """What the cloud of CONNECTION, an administrator's, holds now.

    Raises:
        openstack.exceptions.SDKException: a service does not answer, or refuses.
    """
    identity, network = connection.identity, connection.network
    assert isinstance(identity, Proxy), "Keystone's v2 is gone for years"
    return Live(
        domains=tuple(identity.domains()),
        projects=tuple(identity.projects()),
        assignments=tuple(identity.role_assignments(include_names=True)),
        networks=tuple(network.networks()),
        subnets=tuple(network.subnets()),
        shares=tuple(network.rbac_policies(object_type="network")),
    )
