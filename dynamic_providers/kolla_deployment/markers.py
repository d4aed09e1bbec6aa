"""What a host itself says was done on it: a small file there, the truth that a rerun goes on from."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from clients import ssh
from clients.ssh import SshHost

PATH = "/etc/kolla/.private-cloud.json"


@dataclass(frozen=True)
class Marker:
    """One host's.

    Attributes:
        stack: which stack deploys the host.
        wanted: the fingerprint of what the steps were run for.
        steps: those that succeeded since, in their order.
    """

    stack: str
    wanted: str
    steps: tuple[str, ...] = ()

    def lacks(self, steps: Collection[str]) -> list[str]:
        """The steps that are not done."""
        return [step for step in steps if step not in self.steps]


def read(host: SshHost) -> Marker | None:
    """The host's marker; None if it has none, or a broken one."""
    text = ssh.run(host, f"[ ! -e {PATH} ] || cat {PATH}")
    try:
        found: dict[str, Any] = json.loads(text)
        return Marker(str(found["stack"]), str(found["wanted"]), tuple(map(str, found["steps"])))
    except (ValueError, KeyError, TypeError):
        return None


def write(host: SshHost, marker: Marker) -> None:
    """Write it in one step: a marker is whole, or it is the former one."""
    text = json.dumps({"stack": marker.stack, "wanted": marker.wanted, "steps": marker.steps}) + "\n"
    ssh.run(host, f"mkdir -p /etc/kolla && cat > {PATH}.half && mv {PATH}.half {PATH}", given=text)
