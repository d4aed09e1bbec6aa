"""The settings of a stack file, checked as a whole and immutable."""

from pydantic import Field

from clients.directory.settings import Named
from config.account import AccountSpec
from config.ceph import CephLoginSpec, CephUserSpec
from config.fields import Name
from config.flavor import FlavorSpec
from config.fleet import FleetSpec
from config.grant import RoleGrantSpec
from config.host import BareMetalHostSpec, HostImageSpec, HostOsSpec
from config.identity import DomainSpec, ProjectSpec
from config.image import ImageSpec, ImageStoreSpec
from config.kolla import KollaSpec
from config.management import ManagementSpec
from config.monitoring import MonitoringSpec
from config.network import ProviderNetworkSpec
from config.osd_expansion import OsdExpansionSpec
from config.policy import PolicySpec
from config.security_group import SecurityGroupSpec
from config.server_group import ServerGroupSpec
from config.spec import Spec


class OpenStackSpec(Spec, nothing="cloud allow_system_scope"):
    """How OpenStack's own resources are made."""

    cloud: Name = Field(description="the entry of clouds.yaml with an administrator's login")
    allow_system_scope: bool = Field(
        default=False, description="true or false: whether grants may be on the whole system"
    )


NAMESPACE = "private-cloud"


class Settings(Spec, nothing="existing_domains"):
    """A whole stack file: each field is one `private-cloud:` key."""

    openstack: OpenStackSpec = Field(
        description="{cloud}: the entry of clouds.yaml with an administrator's login"
    )
    policy: PolicySpec = Field(
        default_factory=PolicySpec,
        description="{production, levels, …}: how strictly policy/ holds its rules",
    )
    kolla: KollaSpec | None = Field(
        None, description="{inventory, …}: where Kolla-Ansible runs, for what is delivered as files"
    )
    management: ManagementSpec | None = Field(
        None, description="{vlan, cidr} of the management VLAN, and what is in use there"
    )
    existing_domains: tuple[Name, ...] = Field(
        (), description="a list of names of domains that are there already, besides Default"
    )
    domains: tuple[DomainSpec, ...] = Field((), description="a list of domains")
    projects: tuple[ProjectSpec, ...] = Field((), description="a list of projects")
    accounts: tuple[AccountSpec, ...] = Field((), description="a list of service accounts")
    grants: tuple[RoleGrantSpec, ...] = Field((), description="a list of role grants")
    networks: tuple[ProviderNetworkSpec, ...] = Field((), description="a list of provider networks")
    security_groups: tuple[SecurityGroupSpec, ...] = Field(
        (), description="a list of security groups of projects"
    )
    flavors: tuple[FlavorSpec, ...] = Field((), description="a list of flavors")
    server_groups: tuple[ServerGroupSpec, ...] = Field((), description="a list of server groups of projects")
    ceph: CephLoginSpec | None = Field(
        None, description="{user, conf}: the login with which cephx users are made"
    )
    ceph_users: tuple[CephUserSpec, ...] = Field((), description="a list of cephx users")
    osd_expansion: OsdExpansionSpec | None = Field(
        None, description="{probe_pool, fill, …}: which OSDs fill or leave, and how slowly"
    )
    image_store: ImageStoreSpec | None = Field(
        None, description="{cloud, pool, ceph_user, ceph_conf}: how images reach Ceph and Glance"
    )
    images: tuple[ImageSpec, ...] = Field((), description="a list of golden images")
    fleets: tuple[FleetSpec, ...] = Field(
        (), description="a list of fleets: servers that are made anew together"
    )
    host_image: HostImageSpec = Field(
        default_factory=HostImageSpec, description="{image, …}: the system that hosts boot"
    )
    host_os: HostOsSpec = Field(
        default_factory=HostOsSpec, description="{on_failure, …}: how hosts are brought to another image"
    )
    monitoring: MonitoringSpec | None = Field(
        None, description="{agent, …}: what watches the hosts; left out, nothing"
    )
    hosts: tuple[BareMetalHostSpec, ...] = Field((), description="a list of hosts")

    @property
    def named_domains(self) -> tuple[str, ...]:
        """The domains that are there already and that something names, each once, in the file's order."""
        declared = {domain.name for domain in self.domains}
        named = [project.domain for project in self.projects]
        for account in self.accounts:
            named += [account.domain, *(access.domain for access in account.access)]
        for grant in self.grants:
            named += [grant.principal.domain, *([grant.scope.domain] if grant.scope.domain else [])]
        return tuple(name for name in dict.fromkeys(named) if name not in declared)

    def principals_of(self, domain: DomainSpec) -> tuple[Named, ...]:
        """The users and groups of DOMAIN that grants name, each once, in the file's order."""
        named = [
            Named("user" if grant.user else "group", grant.principal.name)
            for grant in self.grants
            if grant.principal.domain == domain.name
        ]
        return tuple(dict.fromkeys(named))

    @property
    def trunked_vlans(self) -> tuple[int, ...]:
        """The VLANs that any host trunks and that are some network's."""
        known = {segment.vlan for network in self.networks for segment in network.segments}
        return tuple(sorted(known & {vlan for host in self.hosts for vlan in host.vlans}))

    @property
    def carriers(self) -> tuple[str, ...]:
        """The physical networks that have every VLAN which hosts trunk, in the file's order."""
        segments = [segment for network in self.networks for segment in network.segments]
        there = dict.fromkeys(segment.physical_network for segment in segments)
        trunked = set(self.trunked_vlans)
        return tuple(
            name
            for name in there
            if trunked <= {segment.vlan for segment in segments if segment.physical_network == name}
        )
