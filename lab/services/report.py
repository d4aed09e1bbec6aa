"""How programs without a port of their own are asked: do they listen to the broker, and have they reported?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lab.daemon import UnhealthyError
from lab.services import mariadb, rabbitmq

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.settings import Lab

LATE = 45  # seconds; all report every ten, and OpenStack calls them down after a minute or more


def listening(lab: Lab, secrets: Mapping[str, str], service: str, queue: str) -> str:
    """Ask whether anybody listens to a service's queue.

    Raises:
        UnhealthyError: Nobody does.
    """
    if not rabbitmq.consumers(lab, secrets, service, queue):
        raise UnhealthyError(f"nobody listens to the queue {queue}")
    return f"listens to {queue}"


def at_work(
    lab: Lab, secrets: Mapping[str, str], service: str, program: str, queue: str, *, host: str, column: str
) -> str:
    """Ask Nova's or Cinder's own table of services about a program on HOST, and the broker about its queue.

    Raises:
        UnhealthyError: It has not reported (in COLUMN), not lately, or listens to nobody.
    """
    rows = f"FROM {service}.services WHERE `binary` = '{program}' AND host = '{host}' AND deleted = 0"
    told = fresh(lab, program, column, rows)
    listening(lab, secrets, service, queue)
    return told


def fresh(lab: Lab, daemon: str, column: str, rows: str) -> str:
    """Ask when a service last reported, in its own database.

    Args:
        lab: The lab.
        daemon: Whose report it is: one from before the last start by `up` does not count.
        column: Where the time of a report is, in UTC; the oldest of the rows' times counts.
        rows: FROM and WHERE.

    Raises:
        UnhealthyError: It has not reported, or not lately.
    """
    said = mariadb.ask(lab, f"SELECT UNIX_TIMESTAMP(CONVERT_TZ(MIN({column}), '+00:00', @@time_zone)) {rows}")
    if said == "NULL":
        raise UnhealthyError("it has not reported yet")
    reported = float(said)
    started = lab.run / f"{daemon}.started-with"
    if started.exists() and reported < int(started.stat().st_mtime):
        raise UnhealthyError("it has not reported since it started")
    if (age := time.time() - reported) > LATE:
        raise UnhealthyError(f"its last report is {age:.0f} s old")
    return f"reported {max(age, 0):.0f} s ago"
