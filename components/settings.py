"""What a stack file says, read once, checked as a whole, and never changed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pulumi
from pydantic import Field, ValidationError

from clients.ldap_settings import Named
from components.access import RoleGrantSpec
from components.account import AccountSpec
from components.annotated_types import Name
from components.ceph_users import CephLoginSpec, CephUserSpec
from components.cross_checks import cross_checks
from components.host import BareMetalHostSpec
from components.host_image import HostImageSpec
from components.host_os import HostOsSpec
from components.identity import DomainSpec, ProjectSpec
from components.image import ImageSpec, ImageStoreSpec
from components.kolla import KollaSpec
from components.management import ManagementSpec
from components.monitoring import MonitoringSpec
from components.network import ProviderNetworkSpec
from components.policy import PolicySpec
from components.problems import KeyPath, Problem
from components.pruning import Pruned, exists
from components.secret import ROOT, in_the_clear
from components.sentences import problem_of
from components.spec import Effect, Spec
from components.stand_ins import StandIns

NAMESPACE = "private-cloud"


class OpenStackSpec(Spec):
    """How OpenStack's own resources are made."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "cloud": Effect.NOTHING,
        "allow_system_scope": Effect.NOTHING,
    }

    cloud: Name = Field(description="the entry of clouds.yaml with an administrator's login")
    allow_system_scope: bool = Field(
        default=False, description="true or false: whether grants may be on the whole system"
    )


class Settings(Spec):
    """A whole stack file: each field is one `private-cloud:` key."""

    effects: ClassVar[Mapping[str, Effect]] = {"existing_domains": Effect.NOTHING}

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
    ceph: CephLoginSpec | None = Field(
        None, description="{user, conf}: the login with which cephx users are made"
    )
    ceph_users: tuple[CephUserSpec, ...] = Field((), description="a list of cephx users")
    image_store: ImageStoreSpec | None = Field(
        None, description="{cloud, pool, ceph_user, ceph_conf}: how images reach Ceph and Glance"
    )
    images: tuple[ImageSpec, ...] = Field((), description="a list of golden images")
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


class SettingsError(pulumi.RunError):
    """A stack file with mistakes; its text has one sentence for each. Shown without a traceback."""

    def __init__(self, file_name: str, sentences: list[str]) -> None:
        count = "1 mistake" if len(sentences) == 1 else f"{len(sentences)} mistakes"
        lines = "".join(f"\n  - {sentence}" for sentence in sentences)
        super().__init__(f"{file_name} has {count}; nothing was asked of the cloud:{lines}")
        self.sentences = sentences


def load() -> Settings:
    """The settings of the current stack; the only place that reads Pulumi's configuration.

    Raises:
        SettingsError: with every mistake of the stack file.
    """
    prefix = f"{NAMESPACE}:"
    configuration = {**pulumi.runtime.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    raw = {
        key.removeprefix(prefix): _decoded(text)
        for key, text in configuration.items()
        if key.startswith(prefix)
    }
    encrypted = frozenset(key for key in raw if pulumi.runtime.config.is_config_secret(prefix + key))
    return parse(raw, file_name=f"Pulumi.{pulumi.get_stack()}.yaml", root=Path.cwd(), encrypted=encrypted)


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text  # a plain string; the model says what should be there


def parse(
    raw: dict[str, Any], *, file_name: str, root: Path, encrypted: frozenset[str] = frozenset()
) -> Settings:
    """RAW, the keys of a stack file without their namespace, as settings.

    ROOT is the project's folder; ENCRYPTED are the keys with an encrypted value in them.

    Raises:
        SettingsError: with every mistake, in the file's order.
    """
    problems: list[Problem] = []
    pruned, stand_ins = Pruned(raw, frozenset()), StandIns(raw)
    settings: Settings | None = None
    while settings is None:
        try:
            settings = Settings.model_validate(pruned.data(), context={ROOT: root})
        except ValidationError as error:
            found = [(problem_of(details, Settings), tuple(details["loc"])) for details in error.errors()]
            if not pruned.faulty and not pruned.replaced:  # later rounds only miss what the first has refused
                problems = [problem for problem, _ in found]
            further = _without(pruned, stand_ins, [pruned.original(path) for _, path in found])
            if further is None:
                break
            pruned = further
    if settings is not None:
        told = {problem.path for problem in problems}
        found_across = (*cross_checks(settings, raw, pruned.sound), *in_the_clear(settings, encrypted))
        across = [
            Problem(pruned.original(problem.path), stand_ins.without_names(problem.sentence))
            for problem in found_across
        ]
        problems += [problem for problem in across if problem.path not in told]
    if problems or settings is None:
        order = list(Settings.model_fields)
        problems.sort(
            key=lambda problem: order.index(str(problem.path[0])) if problem.path[0] in order else -1
        )
        raise SettingsError(file_name, [_told(problem, raw) for problem in problems])
    return settings


def _without(pruned: Pruned, stand_ins: StandIns, mistakes: list[KeyPath]) -> Pruned | None:
    """PRUNED without the values at MISTAKES; where one is missed, with a stand-in, or else without what misses it.

    None where nothing is left to leave out.
    """
    faulty, replaced = set(pruned.faulty), dict(pruned.replaced)
    for path in mistakes:
        if exists(pruned.raw, path) and not any(
            path[:length] in faulty for length in range(1, len(path) + 1)
        ):
            faulty.add(path)
            continue
        stand_in = stand_ins.at(path)
        if stand_in is not None:
            replaced[path] = stand_in
            continue
        removable = path
        while removable and (removable in faulty or not exists(pruned.raw, removable)):
            removable = removable[:-1]
        if not removable:
            return None
        faulty.add(removable)
        replaced = {key: value for key, value in replaced.items() if key[: len(removable)] != removable}
    return Pruned(pruned.raw, frozenset(faulty), replaced)


def _told(problem: Problem, raw: dict[str, Any]) -> str:
    key, names = "", []
    here: Any = raw
    for step in problem.path:
        if isinstance(step, int):
            key += f"[{step}]"
        else:
            key += f".{step}" if key else step
        here = here[step] if exists(here, (step,)) else None
        if isinstance(step, int) and isinstance(here, dict) and isinstance(here.get("name"), str):
            names.append(here["name"])
    named = f" ({' / '.join(names)})" if names else ""
    return f"{key}{named}: {problem.sentence}"
