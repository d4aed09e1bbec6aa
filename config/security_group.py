"""Security groups: the default one of a project, and those with a name of their own."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from clients.names import folded
from clients.neutron.security_group_rules import SAME_GROUP, Direction, Rule
from config.errors.issues import ValidationIssues, invalid, nearest
from config.fields import FormerName, Line, Name, Tag, each_once
from config.security_group_rule import (
    NamedSecurityGroupRuleSpec,
    RuleSpec,
    SecurityGroupReference,
    SecurityGroupRuleSpec,
)
from config.spec import Problems, Protectable, Spec, checking

NEUTRON, CLOSED = "neutron", "closed"
DEFAULT = "default"
"""The group that Neutron makes for each project."""


class _EachByItself(dict[str, str]):
    """A stand-in for the ids of groups, which are not known yet."""

    def __missing__(self, name: str) -> str:
        return f"group {name}"


def _each_rule_once(rules: tuple[RuleSpec, ...] | None) -> tuple[RuleSpec, ...] | None:
    issues = ValidationIssues()
    seen: set[Rule] = set()
    for index, rule in enumerate(rules or ()):
        meant = set(rule.rules("ingress", _EachByItself()))
        if meant <= seen:
            issues.add((index,), "a rule before lets the same through; drop one of them")
        seen |= meant
    issues.raise_if_any()
    return rules


def _egress(value: object) -> object:
    if isinstance(value, str):
        if value not in {"all", "none"}:
            raise invalid(f"{value!r} is not known here; give 'all', 'none', or a list of rules")
        return None if value == "all" else ()
    return value


def _neutrons(
    ingress: tuple[RuleSpec, ...], egress: tuple[RuleSpec, ...] | None, group_ids: Mapping[str, str]
) -> frozenset[Rule]:
    """Neutron's rules for both directions; without EGRESS everything goes out."""

    def of(direction: Direction, rules: tuple[RuleSpec, ...]) -> frozenset[Rule]:
        return frozenset(rule for declared in rules for rule in declared.rules(direction, group_ids))

    everything = frozenset(
        {Rule(direction="egress", ethertype="IPv4"), Rule(direction="egress", ethertype="IPv6")}
    )
    return of("ingress", ingress) | (everything if egress is None else of("egress", egress))


DefaultRules = Annotated[tuple[SecurityGroupRuleSpec, ...], AfterValidator(_each_rule_once)]
NamedRules = Annotated[tuple[NamedSecurityGroupRuleSpec, ...], AfterValidator(_each_rule_once)]


class DefaultSecurityGroupSpec(Spec):
    """All rules of a project's default security group."""

    ingress: DefaultRules = Field((), description="a list of rules: what is let in; left out, nothing")
    egress: Annotated[DefaultRules | None, BeforeValidator(_egress)] = Field(
        None, description="'all', 'none' or a list of rules: what is let out; left out, 'all'"
    )

    @property
    def rules(self) -> frozenset[Rule]:
        """Neutron's rules for it."""
        return _neutrons(self.ingress, self.egress, {})


def _default_group(value: Any) -> Any:
    if isinstance(value, str):
        if value not in {NEUTRON, CLOSED}:
            hint = (
                nearest(value, (NEUTRON, CLOSED)) or f"; give '{NEUTRON}', '{CLOSED}' or {{ingress, egress}}"
            )
            raise invalid(f"{value!r} is not known here{hint}")
        return None if value == NEUTRON else DefaultSecurityGroupSpec()
    return value


DefaultGroup = Annotated[DefaultSecurityGroupSpec | None, BeforeValidator(_default_group)]
"""'neutron' (None: left alone), 'closed' (nothing in, everything out), or {ingress, egress}."""


class SecurityGroupSpec(
    Protectable, nothing="adopt protected renamed_from", replaced="project domain", renamed="name"
):
    """A security group of a project, and all its rules."""

    name: Name = Field(description="the group's name, unique among this program's in its project")
    renamed_from: FormerName = None
    project: Name = Field(description="the project it belongs to")
    domain: Name = Field(description="the domain that project is in")
    description: Line = Field("", description="free text; left out, one that is there stays")
    tags: Annotated[tuple[Tag, ...], each_once("tag")] = Field(
        (), description="a list of tags; others that it has stay"
    )
    stateful: bool = Field(
        default=True,
        description="true or false: whether answers pass by themselves; Neutron changes it only where no port uses the "
        "group",
    )
    ingress: NamedRules = Field((), description="a list of rules: what is let in; left out, nothing")
    egress: Annotated[NamedRules | None, BeforeValidator(_egress)] = Field(
        None, description="'all', 'none' or a list of rules: what is let out; left out, 'all'"
    )

    @checking("name", "renamed_from")
    def _not_neutrons_own(cls, name: str | None, _info: ValidationInfo) -> Problems:
        if name and folded(name) == DEFAULT:
            yield (
                f"{name!r} is the group that Neutron makes for each project; give another name, or its rules under "
                "projects[].default_security_group"
            )

    @property
    def project_name(self) -> str:
        """PROJECT@DOMAIN."""
        return f"{self.project}@{self.domain}"

    @property
    def qualified_name(self) -> str:
        """PROJECT@DOMAIN/NAME: names it among all groups of the cloud."""
        return f"{self.project_name}/{self.name}"

    @property
    def named_groups(self) -> tuple[str, ...]:
        """The other groups that its rules name, each once, in the file's order."""
        remotes = [rule.remote for rule in (*self.ingress, *(self.egress or ()))]
        names = [remote.group for remote in remotes if isinstance(remote, SecurityGroupReference)]
        return tuple(name for name in dict.fromkeys(names) if name != self.name)

    def rules(self, group_ids: Mapping[str, str]) -> frozenset[Rule]:
        """Neutron's rules for it; GROUP_IDS has the ids of `named_groups`."""
        return _neutrons(self.ingress, self.egress, {**group_ids, self.name: SAME_GROUP})
