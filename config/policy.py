"""Settings of the policy pack (policy/): levels of its rules, exceptions, and facts about the company."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from config.errors.issues import invalid
from config.fields import IpAddress, Name
from config.resource_names import resource_name
from config.spec import Problems, Spec, checking

RuleName = Literal[
    "vlan-used-once",
    "vlan-on-the-trunk",
    "subnets-apart",
    "two-dns-servers",
    "dns-of-the-company",
    "network-not-for-everyone",
    "image-pinned",
    "fleet-image-pinned",
    "fleet-owners-asked",
    "fleet-homes-not-nightly",
    "image-raw",
    "image-not-public",
    "image-protected",
    "no-admin-account",
    "no-password-login",
    "directory-verified",
    "narrow-ceph-caps",
    "tls-verified",
    "keystone-over-tls",
    "not-open-to-the-world",
    "quota-set",
    "deletion-protection",
    "names",
    "exceptions-current",
    "rules-held",
]
"""The rules of policy/, where a test holds this list against theirs."""

Level = Literal["mandatory", "advisory", "disabled"]
"""CrossGuard's levels: 'mandatory' stops the run, 'advisory' only tells, 'disabled' does not look."""

Kind = Literal[
    "domain",
    "project",
    "account",
    "network",
    "subnet",
    "security_group",
    "flavor",
    "server_group",
    "image",
    "host",
]

CONVENTION = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
"""Names as DNS knows them: what stands in host names, paths and tags without quotes."""


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise invalid(
            f"{value!r} is not a regular expression ({error}); give one for whole names, such as '{CONVENTION}'"
        ) from None
    return value


def _day(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise invalid(f"{value!r} is not a day; give one as YYYY-MM-DD, such as '2027-06-30'") from None


class ExceptionSpec(Spec, nothing="rule resource reason until"):
    """A rule that one resource need not keep for some time, and why."""

    rule: RuleName = Field(description="the rule's name, as docs/policy.md lists them")
    resource: Name = Field(description="what need not keep it: the name that the violation begins with")
    reason: str = Field(min_length=1, description="why, a sentence for whoever reads the file next")
    until: Annotated[date, BeforeValidator(_day)] = Field(
        description="the last day on which it counts, as YYYY-MM-DD in quotes"
    )

    @property
    def excepted(self) -> tuple[RuleName, str]:
        """The rule and the resource that need not keep it, in whichever spelling."""
        return self.rule, resource_name(self.resource)


class PolicySpec(Spec, nothing="production levels dns_servers names"):
    """How strictly the policy pack's rules are held, and what it cannot know by itself."""

    production: bool = Field(
        default=False, description="true or false: whether people rely on this cloud, so that all rules count"
    )
    levels: dict[RuleName, Level] = Field(
        default_factory=dict,
        description="a map of rules to 'mandatory', 'advisory' or 'disabled', such as names: advisory",
    )
    exceptions: tuple[ExceptionSpec, ...] = Field(
        (), description="a list of {rule, resource, reason, until}: what need not keep a rule for some time"
    )
    dns_servers: tuple[IpAddress, ...] = Field(
        (), description="a list of the company's DNS servers; left out, any will do"
    )
    names: dict[Kind, Annotated[str, AfterValidator(_pattern)]] = Field(
        default_factory=dict,
        description=f"a map of kinds to a regular expression for their whole names; left out, `{CONVENTION}`",
    )

    @checking("exceptions")
    def _each_exception_once(cls, exceptions: tuple[ExceptionSpec, ...], _info: ValidationInfo) -> Problems:
        seen = [exception.excepted for exception in exceptions]
        for index, (rule, resource) in enumerate(seen):
            if (rule, resource) in seen[:index]:
                yield (index,), f"{resource!r} is excepted from {rule} already; drop one of the two"
