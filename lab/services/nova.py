"""Nova: the real API, conductor and scheduler, and one compute host with Nova's own fake driver.

The fake driver claims resources, binds ports and reports as a hypervisor would; it runs nothing. The compute host
has a configuration of its own, without access to the database, as on a real one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.services import api, mariadb, rabbitmq, report
from lab.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab


def common(lab: Lab, secrets: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the settings of all Nova programs: the broker, and the other services as account nova."""
    data = lab.data / "nova"
    return {
        "DEFAULT": {
            "use_stderr": True,
            "host": HOST,
            "my_ip": lab.address,
            "state_path": data,
            "transport_url": rabbitmq.url(lab, secrets, "nova"),
        },
        "keystone_authtoken": api.token_checks(lab, secrets, "nova"),
        "service_user": api.service_user(lab, secrets, "nova"),
        "placement": api.login(lab, secrets, "nova"),
        "neutron": api.login(lab, secrets, "nova"),
        "glance": api.login(lab, secrets, "nova"),
        "cinder": api.login(lab, secrets, "nova"),
        "oslo_concurrency": {"lock_path": data / "locks"},
        "oslo_messaging_notifications": {"driver": "noop"},
        "vnc": {"enabled": False},
    }


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render nova.conf, for the API, the conductor and the scheduler."""
    sections = common(lab, secrets) | {
        "api_database": {"connection": mariadb.connection(lab, secrets, "nova", "nova_api")},
        "database": {"connection": mariadb.connection(lab, secrets, "nova")},
        "conductor": {"workers": 1},
        # The host lab-qemu takes only servers that ask for it: `lab/qemu/compute.py`.
        "scheduler": {"workers": 1, "enable_isolated_aggregate_filtering": True},
    }
    return (File(lab.etc / "nova" / "nova.conf", ini(sections)),)


def compute(lab: Lab, secrets: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the settings of a compute host: the fake driver, and no database."""
    sections = common(lab, secrets)
    sections["DEFAULT"] |= {"compute_driver": "fake.FakeDriverWithoutFakeNodes"}
    # Nobody plugs a port here, so that a host to which an instance moves would wait for it in vain.
    sections["compute"] = {"live_migration_wait_for_vif_plug": False}
    return sections


def compute_files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render nova-compute.conf."""
    return (File(lab.etc / "nova" / "nova-compute.conf", ini(compute(lab, secrets))),)


def manage(lab: Lab, secrets: Mapping[str, str], *arguments: str) -> None:
    """Run nova-manage."""
    api.manage(lab, "nova", "nova-manage", arguments, files(lab, secrets))


def make_tables(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Bring the tables to the installed version, and make the folders and the cells.

    Cell0 holds servers that found no host; cell1 is the one real cell.
    """
    (lab.data / "nova" / "locks").mkdir(parents=True, exist_ok=True)
    manage(lab, secrets, "api_db", "sync")
    manage(lab, secrets, "cell_v2", "map_cell0")
    if mariadb.ask(lab, "SELECT COUNT(*) FROM nova_api.cell_mappings WHERE name = 'cell1'") == "0":
        manage(lab, secrets, "cell_v2", "create_cell", "--name", "cell1")
    manage(lab, secrets, "db", "sync")


def find_hosts(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Make the cell discover the compute host."""
    manage(lab, secrets, "cell_v2", "discover_hosts")


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the API, the conductor, the scheduler and the compute host."""
    usual = files(lab, secrets)
    paste = lab.programs / "etc" / "nova" / "api-paste.ini"
    queues = {"nova-conductor": "conductor", "nova-scheduler": "scheduler", "nova-compute": f"compute.{HOST}"}
    return (
        api.uwsgi(
            lab,
            "nova",
            port=lab.ports.nova,
            health_path="/",
            files=usual,
            processes=1,
            module="nova.wsgi.osapi_compute",
            extra={"OS_NOVA_CONFIG_FILES": f"{paste};nova.conf"},  # the first one is the pipeline
        ),
        *(
            api.daemon(
                lab,
                "nova",
                program,
                files=compute_files(lab, secrets) if program == "nova-compute" else usual,
                check=functools.partial(
                    report.at_work, lab, secrets, "nova", program, queue, host=HOST, column="last_seen_up"
                ),
            )
            for program, queue in queues.items()
        ),
    )
