"""The cloud as it is drawn: what the stack declares, how the parts hang together, and what happens to each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from config.resource_names import resource_name
from operations.report.mark import Mark, worse
from operations.report.rights_map import RightsMap, rights_map
from operations.report.risk import NotKnown
from operations.report.rules.host import address
from operations.report.rules.image import generations_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operations.report.change import Change
    from operations.report.judged import Judged
    from operations.report.live import Generation

_PROJECT = "openstack:identity/project:Project"
_NETWORK = "openstack:networking/network:Network"
_SUBNET = "openstack:networking/subnet:Subnet"
_SHARE = "openstack:networking/rbacPolicyV2:RbacPolicyV2"
_IMAGE = "pulumi-python:dynamic/ceph:RbdImage"
_HOST = "pulumi-python:dynamic/kolla:KollaHost"
_EXISTING = "private-cloud:identity:ExistingDomain"
_DIRECTORY = "pulumi-python:dynamic/keystone:DomainConfig"
_OF_A_PROJECT = (
    "openstack:compute/quotaSetV2:QuotaSetV2",
    "openstack:networking/quotaV2:QuotaV2",
    "openstack:blockstorage/quoteSetV3:QuoteSetV3",
    "pulumi-python:dynamic/networking:DefaultSecurityGroup",
    "pulumi-python:dynamic/identity:UndeclaredGrants",
)
_SHORT_ID = 8


@dataclass(frozen=True)
class DrawnProject:
    """A project."""

    name: str
    mark: Mark | None = None


@dataclass(frozen=True)
class DrawnDomain:
    """A domain with its projects; note says where its users come from."""

    name: str
    projects: tuple[DrawnProject, ...] = ()
    note: str = ""
    mark: Mark | None = None


@dataclass(frozen=True)
class DrawnSubnet:
    """A subnet."""

    name: str
    cidr: str
    mark: Mark | None = None


@dataclass(frozen=True)
class DrawnNetwork:
    """A network; shared_with are names of projects as PROJECT@DOMAIN."""

    name: str
    vlans: tuple[int, ...] = ()
    physical: tuple[str, ...] = ()
    subnets: tuple[DrawnSubnet, ...] = ()
    shared: bool = False
    shared_with: tuple[str, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True)
class DrawnHost:
    """A host and the bond of its two links."""

    name: str
    address: str = ""
    roles: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    bond_mode: str = ""
    vlans: tuple[int, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True)
class DrawnImage:
    """An image; generations are (short id, what it is), the oldest first."""

    name: str
    generations: tuple[tuple[str, str], ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True)
class CloudMap:
    """Everything that is drawn."""

    domains: tuple[DrawnDomain, ...] = ()
    networks: tuple[DrawnNetwork, ...] = ()
    hosts: tuple[DrawnHost, ...] = ()
    images: tuple[DrawnImage, ...] = ()
    rights: RightsMap = field(default_factory=RightsMap)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not (self.domains or self.networks or self.hosts or self.images or self.rights)


@dataclass
class _Drafts:
    """By name, while the parts are collected."""

    projects: dict[str, list[DrawnProject]] = field(default_factory=dict)
    domains: dict[str, DrawnDomain] = field(default_factory=dict)
    subnets: dict[str, list[DrawnSubnet]] = field(default_factory=dict)
    shares: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, list[Mark]] = field(default_factory=dict)


def cloud_map(
    everything: Iterable[Change],
    judged: Iterable[Judged],
    generations: tuple[Generation, ...] | NotKnown,
) -> CloudMap:
    """The drawing of EVERYTHING, of which some is JUDGED.

    GENERATIONS are what Glance holds of images.
    """
    marks = {one.change.urn: Mark(one.verdict.risk, one.change.operation) for one in judged}
    changes = [change for change in everything if change.inputs or change.type == _EXISTING]
    drafts = _Drafts()
    for change in changes:
        _collect(change, marks.get(change.urn), drafts)
    names = [*drafts.domains, *(name for name in drafts.projects if name not in drafts.domains)]
    return CloudMap(
        domains=tuple(
            _domain(name, drafts.domains.get(name, DrawnDomain(name, note="there already")), drafts)
            for name in names
        ),
        networks=tuple(
            _network(change, marks.get(change.urn), drafts) for change in changes if change.type == _NETWORK
        ),
        hosts=tuple(_host(change, marks.get(change.urn)) for change in changes if change.type == _HOST),
        images=tuple(
            _image(change, marks.get(change.urn), generations) for change in changes if change.type == _IMAGE
        ),
        rights=rights_map(changes, marks),
    )


def _collect(change: Change, mark: Mark | None, drafts: _Drafts) -> None:
    first, _, rest = change.name.partition("/")
    if change.type == _PROJECT and change.inputs.get("isDomain"):
        drafts.domains[resource_name(change.name)] = DrawnDomain(change.spelled_name, mark=mark)
    elif change.type == _PROJECT:
        domain = resource_name(change.name.rpartition("@")[2])
        drafts.projects.setdefault(domain, []).append(DrawnProject(change.spelled_name, mark))
    elif change.type == _EXISTING:
        drafts.domains.setdefault(resource_name(change.name), DrawnDomain(change.name, note="there already"))
    elif change.type in (_DIRECTORY, *_OF_A_PROJECT) and mark:
        drafts.marks.setdefault(resource_name(change.name), []).append(mark)
    elif change.type == _SUBNET:
        cidr = str(change.inputs.get("cidr") or "")
        drafts.subnets.setdefault(first, []).append(DrawnSubnet(rest, cidr, mark))
    elif change.type == _SHARE:
        drafts.shares.setdefault(first, []).append(rest)
        if mark:
            drafts.marks.setdefault(f"{first}/", []).append(mark)


def _domain(name: str, found: DrawnDomain, drafts: _Drafts) -> DrawnDomain:
    mark = worse(found.mark, *drafts.marks.get(name, ()))
    projects = (
        DrawnProject(
            project.name, worse(project.mark, *drafts.marks.get(resource_name(f"{project.name}@{name}"), ()))
        )
        for project in drafts.projects.get(name, ())
    )
    return DrawnDomain(found.name, tuple(projects), found.note, mark)


def _network(change: Change, mark: Mark | None, drafts: _Drafts) -> DrawnNetwork:
    segments = [segment for segment in change.inputs.get("segments") or () if isinstance(segment, dict)]
    return DrawnNetwork(
        change.spelled_name,
        vlans=tuple(_numbers(segment.get("segmentationId") for segment in segments)),
        physical=tuple(dict.fromkeys(str(segment.get("physicalNetwork", "")) for segment in segments)),
        subnets=tuple(drafts.subnets.get(change.name, ())),
        shared=bool(change.inputs.get("shared")),
        shared_with=tuple(drafts.shares.get(change.name, ())),
        mark=worse(mark, *drafts.marks.get(f"{change.name}/", ())),
    )


def _host(change: Change, mark: Mark | None) -> DrawnHost:
    inputs = change.inputs
    return DrawnHost(
        change.name,
        address(inputs),
        roles=tuple(map(str, inputs.get("roles") or ())),
        links=tuple(map(str, inputs.get("links") or ())),
        bond_mode=_bond_mode(inputs),
        vlans=tuple(_numbers(inputs.get("vlans") or ())),
        mark=mark,
    )


def _bond_mode(inputs: Mapping[str, Any]) -> str:
    try:
        return str(json.loads(str(inputs.get("network"))).get("bond_mode", ""))
    except (ValueError, AttributeError):
        return ""


def _image(change: Change, mark: Mark | None, generations: tuple[Generation, ...] | NotKnown) -> DrawnImage:
    known = generations_of(change)
    current = known[0] if known else ""
    stack = str(change.inputs.get("owner_stack", ""))
    former: dict[str, str] = dict.fromkeys(known[1:], "former, kept while it is used")
    if not isinstance(generations, NotKnown):
        first_name = change.id or change.name
        for found in sorted(generations, key=lambda one: one.created):
            if (found.stack, found.image) == (stack, first_name) and found.id != current:
                former[found.id] = f"former, of {found.created[:10]}" + (", hidden" if found.hidden else "")
    chain = [(id_[:_SHORT_ID], what) for id_, what in former.items()]
    goes = change.operation == "delete"
    renewed = "sha256" in change.changed or change.operation == "replace"
    if current:
        chain.append(
            (current[:_SHORT_ID], "goes" if goes else "now; becomes the former" if renewed else "now")
        )
    if not goes and (renewed or not current):
        content = str(change.new.get("sha256", ""))[:_SHORT_ID]
        chain.append((f"sha256 {content}", "will be imported"))
    return DrawnImage(change.spelled_name, tuple(chain), mark)


def _numbers(values: Iterable[Any]) -> Iterable[int]:
    return (int(value) for value in values if isinstance(value, int | float))
