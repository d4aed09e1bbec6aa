"""What a host itself says was done on it: a small file there, the truth that a rerun goes on from."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clients import ssh
from clients.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from clients.ssh import SshHost

PATH = "/etc/kolla/.private-cloud.json"
AT_ONCE = 8


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
    """The host's marker; None if it has none, or a broken one.

    Raises:
        CloudError: the host cannot be asked; see `clients.ssh.run`.
    """
    text = ssh.run(host, f"[ ! -e {PATH} ] || cat {PATH}")
    try:
        found: dict[str, Any] = json.loads(text)
        return Marker(str(found["stack"]), str(found["wanted"]), tuple(map(str, found["steps"])))
    except (ValueError, KeyError, TypeError):
        return None


def write(host: SshHost, marker: Marker) -> None:
    """Write it in one step: a marker is whole, or it is the former one.

    Raises:
        CloudError: the host cannot be reached, or did not take it.
    """
    text = json.dumps({"stack": marker.stack, "wanted": marker.wanted, "steps": marker.steps}) + "\n"
    ssh.run(host, f"mkdir -p /etc/kolla && cat > {PATH}.half && mv {PATH}.half {PATH}", given=text)


def remove(host: SshHost) -> None:
    """Remove it, if it is there.

    Raises:
        CloudError: the host cannot be reached.
    """
    ssh.run(host, ["rm", "-f", PATH, f"{PATH}.half"])


def of_all(
    hosts: Mapping[str, SshHost], what: Callable[[SshHost], Marker | None]
) -> tuple[dict[str, Marker | None], dict[str, str]]:
    """Do one of the above on several hosts at once.

    Returns:
        What it returned, and for hosts where it could not be done the sentence why, both by name.
    """
    done: dict[str, Marker | None] = {}
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, future in {name: pool.submit(what, host) for name, host in hosts.items()}.items():
            try:
                done[name] = future.result()
            except CloudError as error:
                failed[name] = str(error)
    return done, failed
