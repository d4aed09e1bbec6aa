"""What a running cloud holds, read once and never changed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from keystoneauth1.exceptions import ClientException
from openstack.compute.v2._proxy import Proxy as ComputeProxy
from openstack.compute.v2.flavor import Flavor
from openstack.compute.v2.server_group import ServerGroup
from openstack.connection import Connection
from openstack.exceptions import NotFoundException, SDKException
from openstack.identity.v3._proxy import Proxy
from openstack.identity.v3.domain import Domain
from openstack.identity.v3.group import Group
from openstack.identity.v3.project import Project
from openstack.identity.v3.role import Role
from openstack.identity.v3.role_assignment import RoleAssignment
from openstack.identity.v3.user import User
from openstack.network.v2.network import Network
from openstack.network.v2.rbac_policy import RBACPolicy
from openstack.network.v2.security_group import SecurityGroup
from openstack.network.v2.subnet import Subnet

from clients.names import folded
from config.identity import ALWAYS_THERE


@dataclass(frozen=True)
class Live:
    """Everything of the cloud that may be adopted, and what is needed to name it, as openstacksdk gives it."""

    domains: tuple[Domain, ...] = ()
    projects: tuple[Project, ...] = ()
    users: tuple[User, ...] = ()
    """Of the domain Default only: those of others may be a directory's, and thousands; `users_named` asks there."""
    roles: tuple[Role, ...] = ()
    assignments: tuple[RoleAssignment, ...] = ()
    """With ids only: asking Keystone for all names asks every directory, also one that is down."""
    networks: tuple[Network, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    shares: tuple[RBACPolicy, ...] = ()
    qos_policies: dict[str, str] = field(default_factory=dict)
    """The names of QoS policies, by id, without those of which several have the same."""
    security_groups: tuple[SecurityGroup, ...] = ()
    flavors: tuple[Flavor, ...] = ()
    flavor_projects: Callable[[Flavor], tuple[str, ...]] = lambda _flavor: ()
    """The ids of the projects that may use a flavor which is not public."""
    server_groups: tuple[ServerGroup, ...] = ()
    principal: Callable[[str, str], User | Group | None] = lambda _kind, _id: None
    """The user or group ("user", "group") of an id, None where Keystone or its directory cannot say."""
    users_named: Callable[[str, str], tuple[User, ...]] = lambda _domain_id, _name: ()
    """The users of a domain (its id) that Keystone takes for NAME: without case and accents, so compare them."""

    @cached_property
    def domain_names(self) -> dict[str, str]:
        """The name of each domain, by its id."""
        return {domain.id: domain.name for domain in self.domains}

    @cached_property
    def project_names(self) -> dict[str, str]:
        """PROJECT@DOMAIN of each project, by its id."""
        domains = self.domain_names
        return {one.id: f"{one.name}@{domains.get(one.domain_id, one.domain_id)}" for one in self.projects}

    def project_name(self, project_id: str) -> str:
        """PROJECT@DOMAIN; ID@? for one that is gone."""
        return self.project_names.get(project_id, f"{project_id}@?")


def look(connection: Connection) -> Live:
    """What the cloud of CONNECTION, an administrator's, holds now; what is a function here asks while it is open.

    Raises:
        openstack.exceptions.SDKException: a service does not answer, or refuses.
    """
    identity, network, compute = connection.identity, connection.network, connection.compute
    assert isinstance(identity, Proxy), "Keystone's v2 is gone for years"
    domains = tuple(identity.domains())
    default_ids = [domain.id for domain in domains if domain.name == ALWAYS_THERE]
    policies = [(policy.id, policy.name) for policy in network.qos_policies()]
    names = Counter(folded(name) for _, name in policies)
    return Live(
        domains=domains,
        projects=tuple(identity.projects()),
        users=tuple(user for domain_id in default_ids for user in identity.users(domain_id=domain_id)),
        roles=tuple(identity.roles()),
        assignments=tuple(identity.role_assignments()),
        networks=tuple(network.networks()),
        subnets=tuple(network.subnets()),
        shares=tuple(network.rbac_policies(object_type="network")),
        qos_policies={id_: name for id_, name in policies if names[folded(name)] == 1},
        security_groups=tuple(network.security_groups()),
        flavors=tuple(compute.flavors(is_public="None")),  # Nova's word for both kinds
        flavor_projects=partial(_projects_of, compute),
        server_groups=tuple(compute.server_groups(all_projects=True)),
        principal=partial(_principal, identity),
        users_named=lambda domain_id, name: tuple(identity.users(domain_id=domain_id, name=name)),
    )


def _projects_of(compute: ComputeProxy, flavor: Flavor) -> tuple[str, ...]:
    """The ids of the projects that may use FLAVOR; none where it is gone since it was listed."""
    if flavor.is_public:  # every project may, and Nova has no list
        return ()
    try:
        return tuple(access["tenant_id"] for access in compute.get_flavor_access(flavor))
    except NotFoundException:
        return ()


def _principal(identity: Proxy, kind: str, id_: str) -> User | Group | None:
    try:
        return identity.get_user(id_) if kind == "user" else identity.get_group(id_)
    except (SDKException, ClientException):
        return None
