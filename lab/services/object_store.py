"""Ceph's object store: one RADOS gateway with an account and a versioned bucket for the states of stacks."""

from __future__ import annotations

import configparser
import functools
import json
import subprocess
from typing import TYPE_CHECKING

from lab import packages
from lab.configuration import File, ini
from lab.daemon import Daemon
from lab.services import api
from lab.services.ceph_commands import connected
from lab.services.ceph_configuration import GATEWAY, conf
from lab.services.s3 import Account, S3Error, request
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.settings import Lab

BUCKET = "states"
USER = "states"
REGION = "default"  # what the gateway calls its own, which is the only one
PLACEMENT_GROUPS = 8
# The gateway would make them by itself, each with the cluster's default number of placement groups.
POOLS = (
    ".rgw.root",
    "default.rgw.log",
    "default.rgw.control",
    "default.rgw.meta",
    "default.rgw.buckets.index",
    "default.rgw.buckets.data",
    "default.rgw.buckets.non-ec",
)
_VERSIONING = (
    '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Status>Enabled</Status></VersioningConfiguration>"
)


def credentials(lab: Lab) -> Path:
    """Where the account's keys are, as S3's own programs read them; the name is valid while the lab is down."""
    return lab.folder / "etc" / "object-store" / "credentials"


def backend_url(lab: Lab) -> str:
    """The value for PULUMI_BACKEND_URL."""
    return (
        f"s3://{BUCKET}?"
        + "&".join(
            [
                f"endpoint={lab.url(lab.ports.object_store)}",
                f"region={REGION}",
                "s3ForcePathStyle=true",  # the bucket's name is no part of a host's name here
                "response_checksum_validation=when_required",  # this gateway sends none, and each would be warned of
            ]
        )
    )


def account(lab: Lab) -> Account:
    """The account that owns the bucket."""
    keys = configparser.ConfigParser(interpolation=None)
    keys.read_string(credentials(lab).read_text())
    return Account(
        lab.url(lab.ports.object_store),
        REGION,
        keys["default"]["aws_access_key_id"],
        keys["default"]["aws_secret_access_key"],
    )


def make_pools(lab: Lab) -> None:
    """Make its pools; safe to repeat."""
    with connected(lab.ceph_conf) as ceph:
        ceph.ensure_pools(POOLS, application="rgw", placement_groups=PLACEMENT_GROUPS)


def make_account(lab: Lab) -> None:
    """Make the account, if its keys are not on file.

    The gateway invents the keys: given to radosgw-admin they would stand in the list of processes.

    Raises:
        LabError: radosgw-admin refuses.
    """
    if credentials(lab).exists():
        return
    common = ["radosgw-admin", "-c", str(lab.ceph_conf), "-n", GATEWAY]
    for words in (["user", "create", "--display-name", "states of stacks"], ["user", "info"]):
        done = subprocess.run(
            [*common, *words, "--uid", USER], capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode == 0:
            break  # a second `create` is refused; then `info` tells the keys
    else:
        raise LabError(f"radosgw-admin could not make the user {USER}: {done.stderr.strip()}")
    (key, *_) = json.loads(done.stdout)["keys"]
    text = ini(
        {"default": {"aws_access_key_id": key["access_key"], "aws_secret_access_key": key["secret_key"]}}
    )
    File(credentials(lab), text).write()


def make_bucket(lab: Lab) -> None:
    """Create the bucket and turn on versioning; idempotent."""
    try:
        request(account(lab), "PUT", f"/{BUCKET}")
        request(account(lab), "PUT", f"/{BUCKET}?versioning=", body=_VERSIONING)
    except S3Error as problem:
        raise LabError(f"the bucket {BUCKET} could not be made: {problem}") from None


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the one gateway."""
    port = lab.ports.object_store
    return (
        Daemon(
            name="radosgw",
            command=("/usr/bin/radosgw", "-f", "-c", str(lab.ceph_conf), "-n", GATEWAY),
            address=f"{lab.address}:{port}",
            version=functools.partial(packages.version, "radosgw"),
            check=functools.partial(api.health, lab.url(port, "/swift/healthcheck")),
            files=(conf(lab, secrets),),
            ports=(port,),
        ),
    )
