"""Settings of a shell for the usual OpenStack and Ceph clients."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lab.hosts import count, record
from lab.services import object_store

if TYPE_CHECKING:
    from lab.settings import Lab

PASSPHRASE = "private-cloud-lab"  # noqa: S105 - the dev stack's; it protects nothing outside this lab


def exports(lab: Lab) -> str:
    """Render `export` lines for a POSIX shell."""
    values = {
        "OS_CLIENT_CONFIG_FILE": str(lab.folder / "etc" / "clouds.yaml"),
        "OS_CLOUD": "lab-admin",
        "CEPH_CONF": str(lab.ceph_conf),
        "LAB_LDAP_URL": f"ldaps://{lab.address}:{lab.ports.ldaps}",  # Pulumi.dev.yaml asks for it
        "PULUMI_BACKEND_URL": f"file://{lab.root / '.cloud' / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        # The dev stack's state is in a file; whoever wants it in the object store says this as PULUMI_BACKEND_URL.
        "LAB_STATES": object_store.backend_url(lab),
        "AWS_SHARED_CREDENTIALS_FILE": str(object_store.credentials(lab)),
    }
    if count.recorded(lab):
        values["LAB_HOSTS"] = str(record.path(lab))
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([*lines, f'export PATH={shlex.quote(str(lab.binaries))}:"$PATH"'])
