"""A server of a fleet as Nova has it. Its metadata say whose it is and what it is made of, so that any run can go on."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from config.fleet import OWN_METADATA
from dynamic_providers.server_fleet.declared import Flavor, Member, Wanted

STACK = f"{OWN_METADATA}stack"
FLEET = f"{OWN_METADATA}fleet"
MEMBER = f"{OWN_METADATA}member"
IMAGE = f"{OWN_METADATA}image"
RECREATE = f"{OWN_METADATA}recreate"
USER_DATA = f"{OWN_METADATA}user_data"
PORTS = f"{OWN_METADATA}ports"
GROUP = f"{OWN_METADATA}server_group"
FORMER = f"{OWN_METADATA}former"
"""What it was made of before, and its image's id: where a rollback goes. Only with another image."""
PROVED = f"{OWN_METADATA}proved"
"""Set once all probes were good, to the boot's id if the console tells one. A rebuild takes it away in its own request."""
BOOT = f"{OWN_METADATA}boot"
"""The boot before this one."""
RENEW = "renew"
"""Set to `yes` by an owner who wants the server made anew; that takes it away."""
LEASE = "lease_until"
"""Set by whoever needs the server as it is, to a day or a time."""


@dataclass(frozen=True)
class Made:
    """What a server is made of: with something else it has to be made anew.

    Attributes:
        sha256: of its image's source.
        recreate: the stack file's text at that time.
        user_data: a digest of it.
        image_id: Glance's id of the image.
    """

    sha256: str
    recreate: str
    user_data: str
    image_id: str

    @classmethod
    def of(cls, wanted: Wanted, image_id: str = "", member: Member | None = None) -> Self:
        """What WANTED says, of MEMBER."""
        own = member.user_data if member else ""
        return cls(wanted.sha256, wanted.recreate, own or wanted.user_data, image_id)

    def is_like(self, other: "Made") -> bool:
        """Whether a server of one is as good as one of the other: the id of the image does not count."""
        return (self.sha256, self.recreate, self.user_data) == (
            other.sha256,
            other.recreate,
            other.user_data,
        )

    @property
    def metadata(self) -> dict[str, str]:
        """As a server keeps it."""
        return {IMAGE: self.sha256, RECREATE: self.recreate, USER_DATA: self.user_data}


@dataclass(frozen=True)
class Server:
    """One row of Nova's list.

    Attributes:
        task: what Nova is doing with it; empty for nothing.
        flavor: its size when it was made or resized.
        host_is_down: whether Nova takes its host for dead.
        fault: why it is in ERROR.
        addresses: its fixed addresses.
        created: when, as Nova writes it.
        volumes: the ids of those that are attached.
        user_data: those that it was given.
    """

    id: str
    name: str
    status: str
    task: str
    image_id: str
    flavor: Flavor
    metadata: Mapping[str, str]
    host_is_down: bool
    locked: bool
    fault: str
    addresses: tuple[str, ...]
    created: str
    volumes: tuple[str, ...] = ()
    user_data: str = field(default="", repr=False)

    @classmethod
    def of_nova(cls, row: Mapping[str, Any]) -> Self:
        """From ROW of `GET /servers/detail` as an administrator has it."""
        flavor, addresses = row["flavor"], row.get("addresses") or {}
        return cls(
            id=row["id"],
            name=row["name"],
            status=row["status"],
            task=row.get("OS-EXT-STS:task_state") or "",
            image_id=(row.get("image") or {}).get("id", ""),  # an empty text for one that boots from a volume
            flavor=Flavor(
                name=flavor["original_name"],
                vcpus=flavor["vcpus"],
                ram_mb=flavor["ram"],
                disk_gb=flavor["disk"],
            ),
            metadata=row.get("metadata") or {},
            host_is_down=row.get("host_status") == "DOWN",
            locked=bool(row.get("locked")),
            fault=str((row.get("fault") or {}).get("message", "")),
            addresses=tuple(
                entry["addr"]
                for entries in addresses.values()
                for entry in entries
                if entry.get("OS-EXT-IPS:type", "fixed") == "fixed"
            ),
            created=row.get("created", ""),
            volumes=tuple(one["id"] for one in row.get("os-extended-volumes:volumes_attached", ())),
            user_data=_decoded(row.get("OS-EXT-SRV-ATTR:user_data")),
        )

    @property
    def member(self) -> str:
        """Which of its fleet's servers it is."""
        return self.metadata.get(MEMBER, "")

    @property
    def made(self) -> Made | None:
        """What it is made of; None where somebody has taken that away."""
        if IMAGE not in self.metadata:
            return None
        found = self.metadata
        return Made(found[IMAGE], found.get(RECREATE, ""), found.get(USER_DATA, ""), self.image_id)

    @property
    def former(self) -> Made | None:
        """What it was made of before; None for nothing to which it could go back."""
        try:
            return Made(**json.loads(self.metadata[FORMER]))
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def proved(self) -> bool:
        """Whether all probes were good after it was made."""
        return PROVED in self.metadata

    @property
    def is_settled(self) -> bool:
        """Whether it runs and Nova does nothing with it."""
        return self.status == "ACTIVE" and not self.task


def _decoded(user_data: str | None) -> str:
    return base64.b64decode(user_data or "").decode(errors="replace")


def port_mark(port_ids: Iterable[str]) -> str:
    """The ports of a server as its metadata keep them."""
    return ",".join(sorted(identifier[:13] for identifier in port_ids))


def metadata_for(
    server: Server | None, member: Member, identity: Mapping[str, str], made: Made
) -> dict[str, str]:
    """All metadata of MEMBER once it is made of MADE; SERVER is what it was."""
    ports = port_mark(filter(None, member.port_ids))
    metadata = {**identity, MEMBER: member.name, **member.metadata, **made.metadata, PORTS: ports}
    if server is None:
        return metadata
    before = server.made
    if before and server.proved and before.sha256 != made.sha256:
        metadata[FORMER] = json.dumps(vars(before), ensure_ascii=False, separators=(",", ":"))
    elif not server.proved and server.former and server.former.sha256 != made.sha256:
        metadata[FORMER] = server.metadata[FORMER]  # what it is made of now was never well
    if boot := server.metadata.get(PROVED) or server.metadata.get(BOOT):
        metadata[BOOT] = boot
    kept = {
        key: value
        for key, value in server.metadata.items()
        if not key.startswith(OWN_METADATA) and (key != RENEW or not member.owner)
    }
    return {**kept, **metadata}
