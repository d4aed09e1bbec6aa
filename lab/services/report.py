"""Health of programs without a port: whether they listen to the broker, and when they last reported."""

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
    """Check that a service's queue has a consumer.

    Raises:
        UnhealthyError: It has none.
    """
    if not rabbitmq.consumers(lab, secrets, service, queue):
        raise UnhealthyError(f"nobody listens to the queue {queue}")
    return f"listens to {queue}"


def at_work(
    lab: Lab,
    secrets: Mapping[str, str],
    service: str,
    program: str,
    queue: str,
    *,
    host: str,
    column: str,
    daemon: str = "",
) -> str:
    """Check a program on HOST in Nova's or Cinder's own table of services, and its queue at the broker.

    The lab calls it DAEMON, if not by the program's name.

    Raises:
        UnhealthyError: It has not reported (in COLUMN), not recently, or does not listen to its queue.
    """
    rows = f"FROM {service}.services WHERE `binary` = '{program}' AND host = '{host}' AND deleted = 0"
    report = fresh(lab, daemon or program, column, rows)
    listening(lab, secrets, service, queue)
    return report


def fresh(lab: Lab, daemon: str, column: str, rows: str) -> str:
    """Check in a service's own database when it last reported.

    Args:
        lab: The lab.
        daemon: Whose report it is: one from before the last start by `up` does not count.
        column: Where the time of a report is, in UTC; the oldest of the rows' times counts.
        rows: FROM and WHERE.

    Raises:
        UnhealthyError: It has not reported, or not recently.
    """
    answer = mariadb.ask(
        lab, f"SELECT UNIX_TIMESTAMP(CONVERT_TZ(MIN({column}), '+00:00', @@time_zone)) {rows}"
    )
    if answer == "NULL":
        raise UnhealthyError("it has not reported yet")
    reported = float(answer)
    started = lab.run / f"{daemon}.started-with"
    if started.exists() and reported < int(started.stat().st_mtime):
        raise UnhealthyError("it has not reported since it started")
    if (age := time.time() - reported) > LATE:
        raise UnhealthyError(f"its last report is {age:.0f} s old")
    return f"reported {max(age, 0):.0f} s ago"
