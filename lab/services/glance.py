"""Glance: images in Ceph, and the location API for callers with the `service` role.

A second API shows where an image is to whoever may see the image, and only Nova's compute hosts are told of it: Nova
clones an image in Ceph only if it sees the location (docs/adr/0040-a-real-compute-host.md). Users' API shows none.

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


INTERNAL = "glance-internal"


def internal_url(lab: Lab) -> str:
    """Where the API is that shows locations."""
    return lab.url(lab.ports.glance_internal)


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render glance-api.conf."""
    return (File(lab.etc / "glance" / "glance-api.conf", ini(sections(lab, secrets))),)


def internal_files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render the configuration of the API that shows locations, and lets nobody change them."""
    wanted = sections(lab, secrets)
    wanted["DEFAULT"] |= {
        "show_image_direct_url": True,
        "worker_self_reference_url": internal_url(lab),
    }
    return (File(lab.etc / INTERNAL / "glance-api.conf", ini(wanted)),)


def sections(lab: Lab, secrets: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the settings of every Glance API, which shows no locations."""
    data = lab.data / "glance"
    return {
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


def internal_daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the API that shows locations."""
    configuration = internal_files(lab, secrets)
    return (
        api.uwsgi(
            lab,
            INTERNAL,
            port=lab.ports.glance_internal,
            health_path="/healthcheck",
            files=configuration,
            processes=1,
            module="glance.wsgi.api",
            package="glance",
            extra={"OS_GLANCE_CONFIG_DIR": str(lab.etc / INTERNAL)},
        ),
    )
