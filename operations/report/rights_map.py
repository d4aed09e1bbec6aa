"""Who may do what, as the page shows it: the roles on each project and domain, service accounts, and Ceph's users."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from config import resource_types as types
from config.ceph_caps import pools_of
from config.resource_names import resource_name
from operations.report.boxes import Box, Mark, Row, worse
from operations.report.change import Change

_OF_AN_ACCOUNT = (types.USER, types.APPLICATION_CREDENTIAL, types.GENERATED_PASSWORD)


def roles(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
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


def ceph_users(changes: Sequence[Change], marks: Mapping[str, Mark]) -> Iterator[Box]:
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
