"""bootc on a host: which images it has booted and will boot next, and another one put in line.

`bootc status --json` gives a BootcHost of org.containers.bootc/v1. bootc keeps a reference with tag and digest without the tag.
"""

import json
from dataclasses import dataclass
from typing import Any

from clients import ssh
from clients.errors import CloudError
from clients.ssh import SshHost

FETCH_S = 1800
"""For a whole image over the management network."""
_STATUS_S = 60
_KIND = ("org.containers.bootc/v1", "BootcHost")


@dataclass(frozen=True)
class Deployment:
    """One bootable image on a host.

    Attributes:
        image: its reference, as `canonical` gives it.
        digest: sha256:… of the image that was fetched.
    """

    image: str
    digest: str


@dataclass(frozen=True)
class Status:
    """What a host has booted and what it can boot.

    Attributes:
        booted: the running one.
        staged: what an upgrade or a switch has put in line for the next boot.
        rollback: the one before.
        rollback_queued: whether that is in line for the next boot.
    """

    booted: Deployment
    staged: Deployment | None
    rollback: Deployment | None
    rollback_queued: bool

    @property
    def next(self) -> Deployment:
        """What the next boot brings."""
        if self.rollback_queued and self.rollback:
            return self.rollback
        return self.staged or self.booted

    @property
    def settled(self) -> bool:
        """Whether the next boot brings what is booted."""
        return self.staged is None and not self.rollback_queued


def canonical(reference: str) -> str:
    """REFERENCE as bootc keeps it: with a digest, it has no tag."""
    name, at, digest = reference.partition("@")
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}@{digest}" if at else reference


def status(host: SshHost) -> Status:
    """Ask the host."""
    try:
        output = ssh.run(host, ["bootc", "status", "--json", "--format-version=1"], timeout=_STATUS_S)
    except ssh.RemoteCommandFailed as error:
        if "not found" in error.stderr:
            raise _no_image(host, "has no bootc") from None
        raise
    return parsed(host, output)


def parsed(host: SshHost, output: str) -> Status:
    """What `bootc status --json` printed on the host."""
    try:
        answer = json.loads(output)
        kind = (answer["apiVersion"], answer["kind"])
        found = {slot: answer["status"].get(slot) for slot in ("booted", "staged", "rollback")}
        queued = bool(answer["status"].get("rollbackQueued", False))
        if kind == _KIND:
            booted, staged, rollback = (_deployment(entry) for entry in found.values())
            if booted is None:
                raise _no_image(host, "has booted no image that bootc knows")
            return Status(booted, staged, rollback, queued)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_understood(host, type(error).__name__) from None
    raise _not_understood(host, " ".join(kind))


def switch(host: SshHost, reference: str) -> None:
    """Fetch the image and put it in line for the next boot; in line already is success."""
    ssh.run(host, ["bootc", "switch", "--quiet", reference], timeout=FETCH_S)


def upgrade(host: SshHost) -> None:
    """Fetch what the booted reference names by now, and put it in line if it is another image."""
    ssh.run(host, ["bootc", "upgrade", "--quiet"], timeout=FETCH_S)


def rollback(host: SshHost) -> None:
    """Put the former deployment in line for the next boot, with the /etc that it had."""
    ssh.run(host, ["bootc", "rollback"], timeout=_STATUS_S)


def _deployment(entry: dict[str, Any] | None) -> Deployment | None:
    if not entry or not entry.get("image"):
        return None
    image = entry["image"]
    return Deployment(canonical(image["image"]["image"]), image["imageDigest"])


def _no_image(host: SshHost, what: str) -> CloudError:
    return CloudError(
        f"{host.where} {what}; install it from its kickstart, or leave its os.image out of the stack file"
    )


def _not_understood(host: SshHost, what: str) -> CloudError:
    return CloudError(
        f"{host.where}: `bootc status --json` answered with something else than {' '.join(_KIND)} ({what}); "
        "use an image with bootc 1.1 or newer"
    )
