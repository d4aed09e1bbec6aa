"""Keystone's domains and projects."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import pulumi
import pulumi_openstack as openstack
from pydantic import Field

from clients.ldap_settings import Named
from components.annotated_types import KeystoneText, ProjectName
from components.directory import DirectorySpec
from components.directory_renderings import config_args, domain_file
from components.kolla import KollaSpec
from components.kolla_domain_file import KollaDomainFile, domain_file_problem
from components.lookup import id_of
from components.preflight import preflight
from components.problems import Problem
from components.quota import Quota, QuotaSpec
from components.resource_names import known_as, resource_name
from components.security_group import DefaultGroup, DefaultSecurityGroup
from components.spec import Effect, Protectable, adopting, protecting
from components.undeclared_grants import Undeclared
from dynamic_providers.keystone_domain_config import KeystoneDomainConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.settings import Settings

ALWAYS_THERE = "Default"
"""The domain that Keystone makes for itself; every stack file may name it."""


class DomainSpec(Protectable):
    """A Keystone domain that this program makes."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "adopt": Effect.NOTHING,
        "protected": Effect.NOTHING,
        "name": Effect.REPLACED,
    }

    name: ProjectName = Field(description="the domain's name, unique in the cloud")
    description: KeystoneText = Field("", description="free text")
    directory: DirectorySpec | None = Field(None, description="the LDAP directory that holds its users")


class ProjectSpec(Protectable):
    """A project that this program makes."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "adopt": Effect.NOTHING,
        "protected": Effect.NOTHING,
        "name": Effect.REPLACED,
        "domain": Effect.REPLACED,
    }

    name: ProjectName = Field(description="the project's name, unique in its domain")
    domain: ProjectName = Field(description="the domain it is in, declared or existing")
    description: KeystoneText = Field("", description="free text")
    undeclared_grants: Undeclared = Field(
        "ignore",
        description="'ignore', 'list' or 'remove': what is done about grants that are not in this file",
    )
    quota: QuotaSpec | None = Field(None, description="{compute, network, volume}: its limits, by service")
    default_security_group: DefaultGroup = Field(
        None,
        description="'neutron', 'closed' (nothing in, all out) or {ingress, egress}; left out, 'neutron': not touched",
    )

    @property
    def qualified_name(self) -> str:
        """PROJECT@DOMAIN: names it among all projects of the cloud."""
        return f"{self.name}@{self.domain}"


class Domain(pulumi.ComponentResource):
    """A Keystone domain.

    Makes one `openstack.identity.Project` with `is_domain`: Keystone keeps a domain as a project that acts
    as one, and the OpenStack provider has no other resource for it. Deleting disables it first, as Keystone
    asks. With `spec.directory`, also its `KeystoneDomainConfig` or `KollaDomainFile`: the program has looked
    through the directory before it asks for any of these, and nothing is made if a setting is wrong.

    Args:
        name: of the resources.
        spec: the domain's entry in the stack file.
        cloud: the entry of clouds.yaml with an administrator's login.
        kolla: where Kolla-Ansible runs; needed for a directory that is delivered by it.
        principals: the users and groups of this domain that grants name.
        opts: the provider.

    Raises:
        pulumi.RunError: a setting of the directory is wrong; the sentence says which.
    """

    domain_id: pulumi.Output[str]
    principals_domain_id: pulumi.Output[str]
    """The same, but not before its users and groups can be looked up."""

    def __init__(
        self,
        name: str,
        spec: DomainSpec,
        *,
        cloud: str,
        kolla: KollaSpec | None = None,
        principals: Sequence[Named] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name, spelled = resource_name(name), name
        super().__init__("private-cloud:identity:Domain", name, None, known_as(opts, name, spelled))
        found = preflight(spec.name, spec.directory, principals, self) if spec.directory else None
        domain = openstack.identity.Project(
            name,
            name=spec.name,
            description=spec.description,
            is_domain=True,
            enabled=True,
            opts=protecting(adopting(pulumi.ResourceOptions(parent=self), spec), spec),
        )
        self.domain_id = self.principals_domain_id = domain.id
        if spec.directory and spec.directory.delivery == "api":
            config = KeystoneDomainConfig(
                name,
                config_args(spec.directory, spec.name, cloud, found.sample if found else None),
                domain_id=domain.id,
                password=spec.directory.bind_password.output,
                opts=pulumi.ResourceOptions(parent=self),
            )
            # By the resource's id: unlike another output it is known in the preview of an update.
            self.principals_domain_id = config.id
        elif spec.directory and kolla:  # which load() asks for
            file = KollaDomainFile(
                name,
                domain=spec.name,
                text=spec.directory.bind_password.output.apply(partial(domain_file, spec.directory)),
                kolla=kolla,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[domain]),
            )
            self.principals_domain_id = pulumi.Output.all(domain.id, file.file).apply(
                lambda both: str(both[0])
            )
        self.register_outputs({"domain_id": self.domain_id})


class Project(pulumi.ComponentResource):
    """A project in a domain.

    Makes one `openstack.identity.Project`, and its Quota and DefaultSecurityGroup where they are given.
    """

    project_id: pulumi.Output[str]
    domain_id: pulumi.Output[str]
    summary: dict[str, pulumi.Input[str]]
    """What the stack exports: id, domain and domain_id."""

    def __init__(
        self,
        name: str,
        spec: ProjectSpec,
        *,
        cloud: str,
        domain_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name, spelled = resource_name(name), name
        super().__init__("private-cloud:identity:Project", name, None, known_as(opts, name, spelled))
        project = openstack.identity.Project(
            name,
            name=spec.name,
            description=spec.description,
            domain_id=domain_id,
            is_domain=False,
            enabled=True,
            opts=protecting(adopting(pulumi.ResourceOptions(parent=self), spec), spec),
        )
        self.project_id = project.id
        self.domain_id = project.domain_id
        self.summary = {"id": self.project_id, "domain": spec.domain, "domain_id": self.domain_id}
        if spec.quota:
            Quota(name, spec.quota, project_id=project.id, opts=pulumi.ResourceOptions(parent=self))
        if spec.default_security_group:
            DefaultSecurityGroup(
                name,
                spec.default_security_group,
                cloud=cloud,
                project_id=project.id,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"project_id": self.project_id, "domain_id": self.domain_id})


class ExistingDomain(pulumi.ComponentResource):
    """A domain that this program did not make and never changes: a look-up of its id by name."""

    domain_id: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-cloud:identity:ExistingDomain", name, None, opts)
        self.domain_id = id_of("domain", name, self)
        self.register_outputs({"domain_id": self.domain_id})


def directory_problems(settings: "Settings") -> "Iterator[Problem]":
    """Directories that are to be delivered by Kolla-Ansible, and cannot be."""
    for index, domain in enumerate(settings.domains):
        if domain.directory and domain.directory.delivery == "kolla":
            if settings.kolla is None:
                yield Problem(
                    ("domains", index, "directory", "delivery"),
                    "it is kolla, and there is no section kolla; give {inventory, …} there, see docs/settings.md",
                )
            problem = domain_file_problem(domain.name)
            if problem:
                yield Problem(("domains", index, "name"), problem)
