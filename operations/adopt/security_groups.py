"""Security groups of a running cloud, and their rules, as stack-file entries."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from openstack.network.v2.security_group import SecurityGroup

from clients.neutron.security_group_rules import SAME_GROUP, Direction, Rule
from config.security_group import DEFAULT
from config.security_group_rule import ANY, ICMP, family_of
from operations.adopt.found import Found, LeftOut, Wanted
from operations.adopt.live import Live
from operations.adopt.project_groups import groups_of_projects
from operations.stack_file.entry import Entry

Written = dict[str, Any]


class UnsayableError(Exception):
    """A rule that the stack file does not know; the text says why."""


def security_groups(live: Live, wanted: Wanted, entries: list[Entry]) -> Iterator[Found]:
    """All groups but the default ones, of projects that the stack file knows, ENTRIES added."""
    groups = [group for group in live.security_groups if group.name != DEFAULT]
    yield from groups_of_projects(
        "security group",
        groups,
        live,
        wanted,
        entries,
        cure="rename it ({id})",
        entry=_security_group,
    )


def _security_group(group: SecurityGroup, title: str, live: Live) -> Entry | LeftOut:
    others = [other for other in live.security_groups if other.project_id == group.project_id]
    names = {other.id: other.name for other in others if other.name != DEFAULT}
    rules = {Rule.of_neutron(rule, group.id) for rule in group.security_group_rules or ()}
    everything_out = {Rule(direction="egress", ethertype=family) for family in ("IPv4", "IPv6")}
    try:
        ingress = _written(rules, "ingress", names)
        egress = _written(rules, "egress", names)
    except UnsayableError as error:
        return LeftOut(title, str(error))
    project, _, domain = live.project_name(group.project_id).rpartition("@")
    values: Written = {
        "name": group.name,
        "adopt": group.id,
        "project": project,
        "domain": domain,
        "description": group.description or "",
        "tags": sorted(group.tags or ()),
        "stateful": group.stateful is not False,
        "ingress": ingress,
    }
    if {rule for rule in rules if rule.direction == "egress"} != everything_out:
        values["egress"] = egress or "none"
    return Entry("security_groups", title, values)


def _written(rules: Iterable[Rule], direction: Direction, names: Mapping[str, str]) -> list[Written]:
    """RULES of DIRECTION as a person writes them: one where a group is the remote side of both IP versions."""
    families: dict[Rule, list[str]] = {}
    for rule in sorted(rule for rule in rules if rule.direction == direction):
        alike = rule.model_copy(update={"ethertype": "IPv4"}) if rule.group else rule
        families.setdefault(alike, []).append(rule.ethertype)
    return [_rule(rule, ethertypes, names) for rule, ethertypes in families.items()]


def _rule(rule: Rule, ethertypes: list[str], names: Mapping[str, str]) -> Written:
    if rule.address_group:
        raise UnsayableError("a rule of it names an address group, which the stack file does not know")
    protocol = rule.protocol or ANY
    written: Written = {"protocol": protocol, "remote": _remote(rule, names)}
    if rule.group and len(ethertypes) == 1 and not family_of(protocol):
        written["ethertype"] = ethertypes[0]
    if protocol in ICMP:
        written |= {"icmp_type": rule.port_min, "icmp_code": rule.port_max}
    elif rule.port_min is not None:
        single = rule.port_min == rule.port_max
        written["ports"] = str(rule.port_min) if single else f"{rule.port_min}-{rule.port_max}"
    return written


def _remote(rule: Rule, names: Mapping[str, str]) -> str | dict[str, str]:
    if rule.group is None:
        return rule.cidr or ("0.0.0.0/0" if rule.ethertype == "IPv4" else "::/0")
    if rule.group == SAME_GROUP:
        return SAME_GROUP
    if rule.group not in names:
        raise UnsayableError(
            f"a rule of it names security group {rule.group}, which is a default one or another project's"
        )
    return {"group": names[rule.group]}
