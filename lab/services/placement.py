"""Placement: inventories and allocations of the compute hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.services import api, mariadb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render placement.conf."""
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {"use_stderr": True},
        "placement_database": {"connection": mariadb.connection(lab, secrets, "placement")},
        "keystone_authtoken": api.token_checks(lab, secrets, "placement"),
        "api": {"auth_strategy": "keystone"},
    }
    return (File(lab.etc / "placement" / "placement.conf", ini(sections)),)


def make_tables(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Bring the tables to the installed version."""
    api.manage(lab, "placement", "placement-manage", ["db", "sync"], files(lab, secrets))


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the one API."""
    return (
        api.uwsgi(
            lab,
            "placement",
            port=lab.ports.placement,
            health_path="/",
            files=files(lab, secrets),
            processes=1,
            package="openstack-placement",
        ),
    )
