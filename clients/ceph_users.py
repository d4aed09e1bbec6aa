"""cephx users in Ceph's monitors: find, make, change, remove; whose they are is kept beside them.

Commands: src/mon/MonCommands.h and AuthMonitor.cc of Ceph 16 to 19. A user has no room for a note, so the stack
that made it is written under a key of its own in the monitors' config-key store, before the user is made: whoever
comes after a kill knows whose the user is. No key of a user is in any command that is sent: the monitors make it.
"""

import errno
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clients import ceph
from clients.errors import CloudError

if TYPE_CHECKING:
    import rados

_GONE = (errno.ENOENT,)
OWNER_PREFIX = "private-cloud/ceph-users/"
"""Under it a user's own key says which stack made it. In the store, so it never changes."""

RIGHTS = ", ".join(
    ["profile role-definer"]
    + [f'allow command "config-key {verb}" with key prefix {OWNER_PREFIX}' for verb in ("get", "set", "rm")]
)
"""The caps that the login which makes users needs of the monitors. It can give itself any other."""


@dataclass(frozen=True)
class User:
    """A cephx user as the monitors have it.

    Attributes:
        name: without ``client.``.
        key: in base64.
        caps: by kind of daemon, as they were given.
    """

    name: str
    key: str = field(repr=False)
    caps: Mapping[str, str]


@dataclass(frozen=True)
class Monitors:
    """What a client's ceph.conf has to say.

    Attributes:
        fsid: of the cluster.
        mon_host: the monitors' addresses, as ceph.conf writes them.
    """

    fsid: str
    mon_host: str


class NoRightsError(CloudError):
    """The login may not make users."""


@contextmanager
def connected(login: str, conf: str | None) -> Iterator["rados.Rados"]:
    """Yield a connection as the user that makes users; a right that it lacks becomes a sentence.

    Raises:
        NoRightsError: the login may not do what is done inside.
        CloudError: as for ``clients.ceph.cluster``.
    """
    with ceph.cluster(login, conf) as handle:
        try:
            yield handle
        except ceph.CommandRefused as refused:
            if refused.code not in (errno.EACCES, errno.EPERM):
                raise
            raise NoRightsError(
                f"client.{login} may not make cephx users ({refused}): an administrator grants that with "
                f"`ceph auth caps client.{login} mon '{RIGHTS}'`."
            ) from refused


def find(handle: "rados.Rados", name: str) -> User | None:
    """The user, or None."""
    found = ceph.command(handle, "auth get", none_for=_GONE, entity=_entity(name))
    return User(name, found[0]["key"], found[0]["caps"]) if found else None


def ensure(handle: "rados.Rados", name: str, caps: Mapping[str, str], owner: str) -> User:
    """Make the user, or go on with what an earlier run of the same stack made; its key stays what it is.

    Raises:
        CloudError: there is one that this stack did not make, a cap is none, or the login may not.
    """
    recorded = _owner_of(handle, name)
    found = find(handle, name)
    if (found or recorded) and recorded != owner:
        whose = f"stack {recorded}" if recorded else "somebody else"
        raise CloudError(
            f"{_entity(name)} is there already and belongs to {whose}: give the user another name, take it over "
            f"with `adopt: {name}`, or, if nothing uses it, remove it with `ceph auth rm {_entity(name)}`"
            + (f" and `ceph config-key rm {OWNER_PREFIX}{name}`." if recorded else ".")
        )
    if not recorded:
        ceph.command(handle, "config-key set", key=OWNER_PREFIX + name, val=owner)
    if found is None:
        try:
            ceph.command(handle, "auth get-or-create", entity=_entity(name), caps=_flat(caps))
        except ceph.CommandRefused:
            ceph.command(handle, "config-key rm", key=OWNER_PREFIX + name)  # of nobody
            raise
    return with_caps(handle, name, caps)


def adopt(handle: "rados.Rados", name: str, caps: Mapping[str, str]) -> User:
    """The user as it is; nothing is changed.

    Raises:
        CloudError: there is none, or its caps are others.
    """
    found = find(handle, name)
    if found is None:
        raise CloudError(f"there is no {_entity(name)} to adopt: correct the name, or leave `adopt` out.")
    if found.caps != caps:
        raise CloudError(
            f"{_entity(name)} has the caps {_described(found.caps)}, and {_described(caps)} are declared: adopting changes "
            "nothing, so declare those that it has, run `pulumi up`, and change them then."
        )
    return found


def with_caps(handle: "rados.Rados", name: str, caps: Mapping[str, str]) -> User:
    """The user, brought to these caps and no others.

    Raises:
        CloudError: it is gone, a cap is none, or the login may not.
    """
    found = find(handle, name)
    if found is not None and found.caps != caps:
        ceph.command(handle, "auth caps", entity=_entity(name), caps=_flat(caps))
        found = find(handle, name)
    if found is None:
        raise CloudError(
            f"{_entity(name)} was removed by somebody: run `pulumi up --refresh`, which makes it anew."
        )
    return found


def remove(handle: "rados.Rados", name: str) -> None:
    """Remove the user and the note whose it is; gone already is success."""
    ceph.command(handle, "auth rm", none_for=_GONE, entity=_entity(name))
    ceph.command(handle, "config-key rm", key=OWNER_PREFIX + name)


def monitors(handle: "rados.Rados") -> Monitors:
    """The cluster's FSID and its monitors' addresses, all protocols of each."""
    seen = ceph.command(handle, "mon dump")
    hosts = [
        ",".join(f"{address['type']}:{address['addr']}" for address in mon["public_addrs"]["addrvec"])
        for mon in seen["mons"]
    ]
    return Monitors(seen["fsid"], " ".join(f"[{host}]" for host in hosts))


def refuse_without_rights(handle: "rados.Rados") -> None:
    """Refuse if the login may not make users or note whose they are; nothing is changed.

    The monitors look at a login's rights before they look for what a command is about, so both are asked about
    something that is not there.

    Raises:
        CommandRefused: it may not.
    """
    nobody = str(uuid.uuid4())
    ceph.command(handle, "auth caps", none_for=_GONE, entity=_entity(nobody), caps=["mon", "allow r"])
    ceph.command(handle, "config-key rm", key=OWNER_PREFIX + nobody)


def _owner_of(handle: "rados.Rados", name: str) -> str | None:
    recorded = ceph.command(handle, "config-key get", none_for=_GONE, key=OWNER_PREFIX + name)
    return None if recorded is None else str(recorded)


def _entity(name: str) -> str:
    return f"client.{name}"


def _flat(caps: Mapping[str, str]) -> list[str]:
    return [word for kind, cap in caps.items() for word in (kind, cap)]


def _described(caps: Mapping[str, str]) -> str:
    return " ".join(f"{kind} {cap!r}" for kind, cap in sorted(caps.items())) or "none"
