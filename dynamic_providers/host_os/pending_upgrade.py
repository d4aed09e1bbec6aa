"""A file in the host's /var, which all its images share: a run after a killed one finishes the health check by it."""

import json
from dataclasses import dataclass

from clients import ssh
from clients.ssh import SshHost

FILE = "/var/lib/private-cloud/os-trial.json"


@dataclass(frozen=True)
class PendingUpgrade:
    """An upgrade whose health check is not finished: to which image, and the containers that have to be healthy again."""

    image: str
    containers: frozenset[str]


def begin(host: SshHost, pending_upgrade: PendingUpgrade) -> None:
    """Record the upgrade, before the host restarts."""
    text = json.dumps({"image": pending_upgrade.image, "containers": sorted(pending_upgrade.containers)})
    ssh.run(
        host, f"mkdir -p {FILE.rpartition('/')[0]} && cat > {FILE}.new && mv {FILE}.new {FILE}", given=text
    )


def read(host: SshHost) -> PendingUpgrade | None:
    """Return the upgrade that a killed run has left pending; an incomplete file is none."""
    output = ssh.run(host, f"cat {FILE} 2>/dev/null || true")
    try:
        found = json.loads(output)
        return PendingUpgrade(str(found["image"]), frozenset(map(str, found["containers"])))
    except (ValueError, KeyError, TypeError):
        return None


def end(host: SshHost) -> None:
    """Remove the record."""
    ssh.run(host, ["rm", "-f", FILE])
