"""A note on the host that its image is on trial, so that a killed run's successor goes on with the proof.

It lies in /var, which all images of a host share; /etc would go back with a rollback.
"""

import json
from dataclasses import dataclass

from clients import ssh
from clients.ssh import SshHost

FILE = "/var/lib/private-cloud/os-trial.json"


@dataclass(frozen=True)
class PendingUpgrade:
    """What has to be proved.

    Attributes:
        image: the reference on trial.
        containers: those that were well before, and have to be again.
    """

    image: str
    containers: frozenset[str]


def begin(host: SshHost, pending_upgrade: PendingUpgrade) -> None:
    """Write it down, before the host restarts."""
    text = json.dumps({"image": pending_upgrade.image, "containers": sorted(pending_upgrade.containers)})
    ssh.run(
        host, f"mkdir -p {FILE.rpartition('/')[0]} && cat > {FILE}.new && mv {FILE}.new {FILE}", given=text
    )


def read(host: SshHost) -> PendingUpgrade | None:
    """Give the trial that a killed run has left, if there is one; a torn note is none."""
    output = ssh.run(host, f"cat {FILE} 2>/dev/null || true")
    try:
        found = json.loads(output)
        return PendingUpgrade(str(found["image"]), frozenset(map(str, found["containers"])))
    except (ValueError, KeyError, TypeError):
        return None


def end(host: SshHost) -> None:
    """Forget it."""
    ssh.run(host, ["rm", "-f", FILE])
