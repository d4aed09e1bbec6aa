"""Glance: images in Ceph, and the location API for callers with the `service` role.

`do_secure_hash` is off: with it Glance would read every image whole to hash it, and on a mismatch would
remove the RBD image itself. Callers give the SHA-512 they computed (docs/adr/0003-lab-of-real-services.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.services import api, mariadb
from lab.settings import POOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render glance-api.conf."""
    data = lab.data / "glance"
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "use_stderr": True,
            "enabled_backends": "rbd:rbd",
            "do_secure_hash": False,
            "worker_self_reference_url": lab.url(lab.ports.glance),
        },
        "database": {"connection": mariadb.connection(lab, secrets, "glance")},
        "glance_store": {"default_backend": "rbd"},
        "rbd": {
            "rbd_store_pool": POOL,
            "rbd_store_user": "glance",
            "rbd_store_ceph_conf": lab.ceph_conf,
            "rbd_store_chunk_size": 8,
        },
        "os_glance_staging_store": {"filesystem_store_datadir": data / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": data / "tasks"},
        "keystone_authtoken": api.token_checks(lab, secrets, "glance"),
        "oslo_concurrency": {"lock_path": data / "locks"},
        "oslo_messaging_notifications": {"driver": "noop"},
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": lab.programs / "etc" / "glance" / "glance-api-paste.ini",
        },
    }
    return (File(lab.etc / "glance" / "glance-api.conf", ini(sections)),)


def make_tables(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Bring the tables to the installed version, and make the folders."""
    for name in ("staging", "tasks", "locks"):
        (lab.data / "glance" / name).mkdir(parents=True, exist_ok=True)
    api.manage(lab, "glance", "glance-manage", ["db_sync"], files(lab, secrets))


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the one API."""
    return (
        api.uwsgi(
            lab, "glance", port=lab.ports.glance, health_path="/healthcheck", files=files(lab, secrets)
        ),
    )
