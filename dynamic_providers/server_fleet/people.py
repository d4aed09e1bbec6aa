"""Who has a machine of a fleet, and what becomes of those who left. The truth is what servers and homes say of themselves.

Nothing is given up because something is not known: where the directory does not answer, everybody stays as they are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from clients.names import folded
from config.people import machine_name, name_problem, shared_names
from dynamic_providers.server_fleet.declared import ANNOUNCED, DELETION, LEFT, OWNER
from dynamic_providers.server_fleet.manners import later
from dynamic_providers.server_fleet.server import MEMBER


@dataclass(frozen=True)
class Person:
    """Somebody with a machine.

    Attributes:
        account: the person's.
        machine: the server's name.
        left: the day on which the person was first found gone; empty for one who is there.
        deletion: ANNOUNCED if the next run deletes machine and home.
        home: the id of the volume that is there; empty for none.
        server_there: whether the server is there.
    """

    account: str
    machine: str
    left: str = ""
    deletion: str = ""
    home: str = ""
    server_there: bool = False


@dataclass
class _Record:
    """What server and home of one machine say."""

    account: str
    homes: list[str] = field(default_factory=list)
    servers: int = 0
    left: list[str] = field(default_factory=list)
    announced: list[bool] = field(default_factory=list)


class TwoHomesError(Exception):
    """One person has two volumes, and which one has the data nobody can tell here."""


def people(
    fleet: str,
    accounts: Collection[str] | None,
    servers: Iterable[Mapping[str, str]],
    homes: Mapping[str, Mapping[str, str]],
    *,
    keep_days: int,
    today: date,
) -> tuple[list[Person], list[str]]:
    """Everybody whose machine or home is to be kept, made or given back, and sentences about those who get none.

    Args:
        fleet: its name.
        accounts: who should have a machine; None where that is not known.
        servers: the metadata of the servers that are there.
        homes: the metadata of the volumes that are there, by id.
        keep_days: for which those who left are kept.
        today: the day.

    Raises:
        TwoHomesError: two volumes are one person's.
    """
    records = _records(servers, homes)
    there = {} if accounts is None else _by_machine(fleet, accounts, records)
    found = []
    for machine in sorted({*records, *there}):
        record = records.get(machine) or _Record(there[machine])
        left = min(record.left, default="")
        is_announced = bool(record.announced) and all(record.announced)
        if machine in there:
            left = deletion = ""
        elif accounts is None:
            deletion = ANNOUNCED if any(record.announced) else ""
        else:
            left = left or today.isoformat()
            is_over = later(date.fromisoformat(left), keep_days) <= today
            if is_over and is_announced:
                continue
            deletion = ANNOUNCED if is_over else ""
        home = next(iter(record.homes), "")
        account = there.get(machine, record.account)
        found.append(Person(account, machine, left, deletion, home, bool(record.servers)))
    return found, list(_without(fleet, accounts or (), there))


def _records(
    servers: Iterable[Mapping[str, str]], homes: Mapping[str, Mapping[str, str]]
) -> dict[str, _Record]:
    records: dict[str, _Record] = {}
    for identifier, metadata in [*((None, one) for one in servers), *homes.items()]:
        if not metadata.get(OWNER):
            continue
        record = records.setdefault(metadata.get(MEMBER, ""), _Record(metadata[OWNER]))
        if identifier is None:
            record.servers += 1
        else:
            record.homes.append(identifier)
        record.left += [metadata[LEFT]] if metadata.get(LEFT) else []
        record.announced.append(metadata.get(DELETION) == ANNOUNCED)
    for machine, record in records.items():
        if len(record.homes) > 1:
            raise TwoHomesError(
                f"{record.account} has {len(record.homes)} homes, volumes {' and '.join(record.homes)}, and {machine} "
                "can have one; delete the other, or take its metadata away"
            )
    return records


def _by_machine(fleet: str, accounts: Iterable[str], records: Mapping[str, _Record]) -> dict[str, str]:
    """The accounts that get a machine or have one, by its name. What somebody has, nobody else gets."""
    found: dict[str, str] = {}
    shared = shared_names(fleet, accounts)
    has_one = {record.account for record in records.values()}
    for account in sorted(accounts, key=lambda account: (account not in has_one, account)):
        machine = machine_name(fleet, account)
        record = records.get(machine)
        is_own = record is not None and folded(record.account) == folded(account)
        if machine and machine not in found and (is_own or (record is None and machine not in shared)):
            found[machine] = account
    return found


def _without(fleet: str, accounts: Collection[str], there: Mapping[str, str]) -> Iterator[str]:
    """Why some of ACCOUNTS get no machine."""
    left_out = [account for account in accounts if account not in there.values()]
    for account in left_out:
        machine = machine_name(fleet, account)
        others = [other for other in accounts if other != account and machine_name(fleet, other) == machine]
        if others or not machine:
            yield name_problem(machine, [account, *others])
        else:
            yield f"{account!r} gets the machine {machine} when that of somebody who left is deleted"
