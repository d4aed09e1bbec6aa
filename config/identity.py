"""Domains and projects."""

from typing import Literal

from pydantic import Field

from config.directory import DirectorySpec
from config.fields import KeystoneText, ProjectName
from config.quota import QuotaSpec
from config.security_group import DefaultGroup
from config.spec import Protectable

Undeclared = Literal["ignore", "list", "remove"]
"""What is done about grants on a project that the stack file does not declare."""


ALWAYS_THERE = "Default"
"""The domain that Keystone makes for itself; every stack file may name it."""


class DomainSpec(Protectable, nothing="adopt protected", replaced="name"):
    """A Keystone domain that this program makes."""

    name: ProjectName = Field(description="the domain's name, unique in the cloud")
    description: KeystoneText = Field("", description="free text")
    directory: DirectorySpec | None = Field(None, description="the LDAP directory that holds its users")


class ProjectSpec(Protectable, nothing="adopt protected", replaced="name domain"):
    """A project that this program makes."""

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
