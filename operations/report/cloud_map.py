"""The cloud as the page shows it: everything that the stack declares, and what happens to each."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from config import resource_types as types
from config.ceph_caps import pools_of
from config.resource_names import resource_name
from operations.report.boxes import Box, Mark, Row, worse
from operations.report.change import Change
from operations.report.live import Generation
from operations.report.risk import NotKnown
from operations.report.rules.host import address
from operations.report.rules.image import generations_of
from operations.report.rules.judge import Judged
from operations.report.rules.rule import listed

_PARTS = (
    types.DOMAIN_CONFIG,
    types.COMPUTE_QUOTA,
    types.NETWORK_QUOTA,
    types.VOLUME_QUOTA,
    types.DEFAULT_SECURITY_GROUP,
    types.UNDECLARED_GRANTS,
)
"""What is shown as the project's or domain's own change."""
_SHORT_ID = 8
_THERE_ALREADY = "there already"


@dataclass(frozen=True)
class Section:
    """A kind of things."""

    title: str
    boxes: tuple[Box, ...]


def cloud_map(
    everything: Iterable[Change],
    judged: Iterable[Judged],
    generations: tuple[Generation, ...] | NotKnown,
) -> tuple[Section, ...]:
    """EVERYTHING that a stack declares, of which some is JUDGED; GENERATIONS are what Glance holds of images."""
    marks = {one.change.urn: Mark(one.verdict.risk, one.change.operation) for one in judged}
    changes = [change for change in everything if change.inputs or change.type == types.EXISTING_DOMAIN]
    sections = {
        "Domains and projects": _domains(changes, marks),
        "Networks, their VLANs and subnets": _networks(changes, marks),
        "Hosts, each with a bond of two links": _hosts(changes, marks),
        "Security groups of projects": _security_groups(changes, marks),
        "Flavors, and the projects that may use them": _flavors(changes, marks),
        "Server groups of projects": _server_groups(changes, marks),
        "Fleets, and what is to do with their servers": _fleets(changes, marks),
        "Images, the oldest content first": (
            _image(change, marks.get(change.urn), generations)
            for change in changes
            if change.type == types.RBD_IMAGE
        ),
        "Who has which role where": _roles(changes, marks),
        "Ceph's users and the pools they may use": _ceph_users(changes, marks),
    }
    found = (Section(title, tuple(boxes)) for title, boxes in sections.items())
    return tuple(section for section in found if section.boxes)


def _domains(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    parts: dict[str, list[Mark]] = defaultdict(list)
    for change in changes:
        if change.type in _PARTS and change.urn in marks:
            parts[resource_name(change.name)].append(marks[change.urn])
    projects: dict[str, list[Row]] = defaultdict(list)
    domains: dict[str, Box] = {}
    for change in changes:
        name = resource_name(change.name)
        mark = worse(marks.get(change.urn), *parts[name])
        if change.type == types.EXISTING_DOMAIN:
            domains.setdefault(name, Box(change.name, _THERE_ALREADY, mark=mark))
        elif change.type == types.PROJECT and change.inputs.get("isDomain"):
            domains[name] = Box(change.spelled_name, mark=mark)
        elif change.type == types.PROJECT:
            domain = resource_name(change.name.rpartition("@")[2])
            projects[domain].append(Row(change.spelled_name, mark))
    for name in dict.fromkeys([*domains, *projects]):
        box = domains.get(name, Box(name, _THERE_ALREADY))
        yield replace(box, rows=tuple(projects[name]) or (Row("no projects of this stack"),))


def _networks(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    subnets: dict[str, list[Row]] = defaultdict(list)
    shares: dict[str, list[Row]] = defaultdict(list)
    for change in changes:
        network, _, rest = change.name.partition("/")
        mark = marks.get(change.urn)
        if change.type == types.SUBNET:
            subnets[network].append(Row(f"{change.inputs.get('cidr') or ''} {rest}", mark))
        elif change.type == types.SHARE:
            shares[network].append(Row(f"for project {rest}", mark))
    for change in changes:
        if change.type == types.NETWORK:
            segments = [one for one in change.inputs.get("segments") or () if isinstance(one, dict)]
            physical = dict.fromkeys(str(one.get("physicalNetwork", "")) for one in segments)
            on = f" on {', '.join(physical)}" if any(physical) else ""
            for_all = [Row("for every project")] if change.inputs.get("shared") else []
            rows = (*(subnets[change.name] or [Row("no subnets")]), *for_all, *shares[change.name])
            vlans = ", ".join(map(str, _vlans(change)))
            note = f"VLAN {vlans}{on}" if vlans else f"no VLAN{on}"
            yield Box(change.spelled_name, note, rows, marks.get(change.urn))


def _vlans(network: Change) -> list[int]:
    segments = [one for one in network.inputs.get("segments") or () if isinstance(one, dict)]
    return _numbers(one.get("segmentationId") for one in segments)


def _hosts(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    carried: dict[int, list[str]] = defaultdict(list)
    for change in changes:
        if change.type == types.NETWORK:
            for vlan in _vlans(change):
                carried[vlan].append(change.spelled_name)
    for change in changes:
        if change.type == types.HOST:
            inputs = change.inputs
            links = " and ".join(map(str, inputs.get("links") or ())) or "no links"
            mode = _bond_mode(inputs)
            rows = [
                Row(", ".join(map(str, inputs.get("roles") or ())) or "no roles"),
                Row(f"bond of {links}{', ' if mode else ''}{mode}"),
            ]
            rows += [
                Row(f"VLAN {vlan}{': ' if carried[vlan] else ''}{', '.join(carried[vlan])}")
                for vlan in _numbers(inputs.get("vlans") or ())
            ]
            yield Box(change.name, address(inputs), tuple(rows), marks.get(change.urn))


def _bond_mode(inputs: Mapping[str, Any]) -> str:
    try:
        return str(json.loads(str(inputs.get("network"))).get("bond_mode", ""))
    except (ValueError, AttributeError):
        return ""


def _security_groups(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    rules = {change.name: change for change in changes if change.type == types.SECURITY_GROUP_RULES}
    for change in changes:
        if change.type == types.SECURITY_GROUP:
            project, _, name = change.name.partition("/")
            own = rules.get(change.name)
            declared = listed(own.inputs if own else {}, "rules")
            directions = [rule.get("direction") for rule in declared if isinstance(rule, dict)]
            rows = tuple(Row(f"rules for {one}: {directions.count(one)}") for one in ("ingress", "egress"))
            mark = worse(marks.get(change.urn), marks.get(own.urn) if own else None)
            yield Box(str(change.inputs.get("name") or name), f"of project {project}", rows, mark)


def _flavors(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    access: dict[str, list[Row]] = defaultdict(list)
    for change in changes:
        if change.type == types.FLAVOR_ACCESS:
            flavor, _, project = change.name.partition("/")
            access[flavor].append(Row(f"for project {project}", marks.get(change.urn)))
    for change in changes:
        if change.type == types.FLAVOR:
            inputs = change.inputs
            size = f"{inputs.get('vcpus')} vCPU, {inputs.get('ram')} MiB, {inputs.get('disk')} GiB"
            rows = access[change.name] or [
                Row("for every project" if inputs.get("isPublic") else "for no project")
            ]
            yield Box(change.spelled_name, size, tuple(rows), marks.get(change.urn))


def _server_groups(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    for change in changes:
        if change.type == types.SERVER_GROUP:
            project = change.name.partition("/")[0]
            row = Row(str(change.inputs.get("policy") or ""))
            yield Box(
                str(change.inputs.get("name") or change.name),
                f"of project {project}",
                (row,),
                marks.get(change.urn),
            )


def _fleets(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    for change in changes:
        if change.type == types.SERVER_FLEET:
            plan = change.new.get("plan") if change.happens else None
            steps = plan.items() if isinstance(plan, dict) else ()
            rows = tuple(Row(f"{server}: {step}") for server, step in steps) or (Row("nothing to do"),)
            count = len(listed(change.inputs, "members"))
            yield Box(change.spelled_name, f"{count} servers", rows, marks.get(change.urn))


def _image(change: Change, mark: Mark | None, generations: tuple[Generation, ...] | NotKnown) -> Box:
    known = generations_of(change)
    current = known[0] if known else ""
    stack = str(change.inputs.get("owner_stack", ""))
    former: dict[str, str] = dict.fromkeys(known[1:], "former, kept while it is used")
    if not isinstance(generations, NotKnown):
        first_name = change.id or change.name
        for found in sorted(generations, key=lambda one: one.created):
            if (found.stack, found.image) == (stack, first_name) and found.id != current:
                former[found.id] = f"former, of {found.created[:10]}" + (", hidden" if found.hidden else "")
    rows = [Row(f"{id_[:_SHORT_ID]}: {what}") for id_, what in former.items()]
    goes = change.operation == "delete"
    renewed = "sha256" in change.changed or change.operation == "replace"
    if current:
        what = "goes" if goes else "now; becomes the former" if renewed else "now"
        rows.append(Row(f"{current[:_SHORT_ID]}: {what}"))
    if not goes and (renewed or not current):
        rows.append(Row(f"sha256 {str(change.new.get('sha256', ''))[:_SHORT_ID]}: will be imported"))
    return Box(change.spelled_name, rows=tuple(rows), mark=mark)


def _numbers(values: Iterable[Any]) -> list[int]:
    return [int(value) for value in values if isinstance(value, int | float)]


_OF_AN_ACCOUNT = (types.USER, types.APPLICATION_CREDENTIAL, types.GENERATED_PASSWORD)


def _roles(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    """A box for the service accounts that CHANGES declare, and one a project, domain or the system; MARKS are by URN."""
    parts = [change for change in changes if change.type in _OF_AN_ACCOUNT]
    accounts = {resource_name(change.name.partition("/")[0]) for change in parts}
    if parts:
        yield Box("Service accounts", rows=tuple(_accounts(changes, parts, marks)))
    places: dict[str, list[Row]] = defaultdict(list)
    for change in changes:
        if change.type == types.ROLE_SET:
            inputs = change.inputs
            who = str(inputs.get("principal", ""))
            kind = "account" if resource_name(who) in accounts else inputs.get("principal_kind", "")
            names = ", ".join(map(str, inputs.get("role_names") or ()))
            below = " (in projects below)" if inputs.get("inherited") else ""
            row = Row(f"{kind} {who}: {names}{below}", marks.get(change.urn))
            places[str(inputs.get("scope", ""))].append(row)
    for place, rows in places.items():
        note = "" if "@" in place else "domain" if ":" not in place else "all of the cloud"
        yield Box(place, note, tuple(rows))


def _accounts(changes: Sequence[Change], parts: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Row]:
    principals = [
        str(change.inputs.get("principal", "")) for change in changes if change.type == types.ROLE_SET
    ]
    spelled = {resource_name(name): name for name in principals}
    credentials: dict[str, int] = defaultdict(int)
    happens: dict[str, Mark | None] = {}
    for change in parts:
        name = change.name.partition("/")[0]
        mark = marks.get(change.urn)
        if mark and change.type != types.USER:
            mark = replace(mark, operation="logins change")
        happens[name] = worse(happens.get(name), mark)
        credentials[name] += change.type == types.APPLICATION_CREDENTIAL
    for name, mark in happens.items():
        number = credentials[name]
        suffix = f": {number} application credential{'s' if number > 1 else ''}" if number else ""
        yield Row(f"{spelled.get(resource_name(name), name)}{suffix}", mark)


def _ceph_users(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
    """A box a cephx user: the pools that it may use, and what it may do there."""
    for change in changes:
        if change.type == types.CEPH_USER:
            caps = change.inputs.get("caps")
            pools: dict[str, list[str]] = defaultdict(list)
            for pool, right in pools_of(str(caps.get("osd") or "")) if isinstance(caps, dict) else ():
                pools[pool].append(right)
            rows = (
                Row(f"{pool or 'any pool'}: {'; '.join(dict.fromkeys(may))}") for pool, may in pools.items()
            )
            yield Box(f"client.{change.name}", "", tuple(rows) or (Row("no pool"),), marks.get(change.urn))
