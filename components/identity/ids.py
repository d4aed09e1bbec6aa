"""The ids of the domains and projects of a stack, by the names that its file gives them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Ids:
    """What grants, accounts and networks name, as Keystone knows it.

    Attributes:
        domains: by name, declared and existing.
        principals_domains: the same, each known only once its users and groups can be looked up.
        projects: by PROJECT@DOMAIN.
    """

    domains: Mapping[str, pulumi.Input[str]]
    principals_domains: Mapping[str, pulumi.Input[str]]
    projects: Mapping[str, pulumi.Input[str]]

    def of(self, project: str | None, domain: str) -> pulumi.Input[str]:
        """The id of PROJECT in DOMAIN, or of DOMAIN itself."""
        return self.projects[f"{project}@{domain}"] if project else self.domains[domain]


async def known(identifier: pulumi.Input[str]) -> str | None:
    """IDENTIFIER, or None while it is of something yet to be made."""
    output: pulumi.Output[str] = pulumi.Output.from_input(identifier)
    return await output.future() if await output.is_known() else None
