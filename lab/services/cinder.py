"""Cinder: volumes in a Ceph pool of their own; from a raw image in Ceph a volume is a clone.

Cinder asks Glance's location API where an image is, as its own account (`[glance]`): locations stay hidden from users.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from lab.admin_connection import admin_connection
from lab.configuration import File, ini
from lab.services import api, mariadb, rabbitmq, report
from lab.settings import HOST, VOLUME_POOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab

BACKEND = "rbd"
VOLUME_TYPE = "rbd"  # the default one


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render cinder.conf."""
    data = lab.data / "cinder"
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "use_stderr": True,
            "host": HOST,
            "my_ip": lab.address,
            "state_path": data,
            "image_conversion_dir": data / "conversion",
            "transport_url": rabbitmq.url(lab, secrets, "cinder"),
            "auth_strategy": "keystone",
            "api_paste_config": lab.programs / "etc" / "cinder" / "api-paste.ini",
            "rootwrap_config": lab.programs / "etc" / "cinder" / "rootwrap.conf",
            "resource_query_filters_file": lab.programs / "etc" / "cinder" / "resource_filters.json",
            "glance_api_servers": lab.url(lab.ports.glance),
            "default_volume_type": VOLUME_TYPE,
            "enabled_backends": BACKEND,
        },
        BACKEND: {
            "volume_driver": "cinder.volume.drivers.rbd.RBDDriver",
            "volume_backend_name": BACKEND,
            "rbd_pool": VOLUME_POOL,
            "rbd_user": "cinder",
            "rbd_secret_uuid": secrets["uuid/libvirt-secret-volumes"],
            "rbd_ceph_conf": lab.ceph_conf,
            "rados_connect_timeout": 5,
        },
        "database": {"connection": mariadb.connection(lab, secrets, "cinder")},
        "keystone_authtoken": api.token_checks(lab, secrets, "cinder"),
        "service_user": api.service_user(lab, secrets, "cinder"),
        "glance": api.login(lab, secrets, "cinder"),
        "nova": api.login(lab, secrets, "cinder"),
        "coordination": {"backend_url": f"file://{data / 'coordination'}"},
        "oslo_concurrency": {"lock_path": data / "locks"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
    return (File(lab.etc / "cinder" / "cinder.conf", ini(sections)),)


def make_tables(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Bring the tables to the installed version, and make the folders."""
    for name in ("conversion", "coordination", "locks"):
        (lab.data / "cinder" / name).mkdir(parents=True, exist_ok=True)
    api.manage(lab, "cinder", "cinder-manage", ["db", "sync"], files(lab, secrets))


def make_volume_type(lab: Lab) -> None:
    """Make the default volume type; safe to repeat."""
    if mariadb.ask(lab, "SELECT COUNT(*) FROM cinder.volume_types WHERE name = 'rbd' AND deleted = 0") != "0":
        return
    with admin_connection(lab) as cloud:
        specs = {"volume_backend_name": BACKEND}
        cast("Any", cloud.block_storage).create_type(name=VOLUME_TYPE, extra_specs=specs)


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the API, the scheduler and the one backend."""
    usual = files(lab, secrets)
    backend = f"{HOST}@{BACKEND}"
    programs = (
        ("cinder-scheduler", "cinder-scheduler", HOST),
        ("cinder-volume", f"cinder-volume.{backend}", backend),
    )
    return (
        api.uwsgi(
            lab,
            "cinder",
            port=lab.ports.cinder,
            health_path="/healthcheck",
            files=usual,
            processes=1,
            arguments=("--config-file", str(usual[0].path)),
        ),
        *(
            api.daemon(
                lab,
                "cinder",
                program,
                files=usual,
                check=functools.partial(
                    report.at_work, lab, secrets, "cinder", program, queue, host=host, column="updated_at"
                ),
            )
            for program, queue, host in programs
        ),
    )
