"""What Ceph knows of one host: its OSDs, and its place in the orchestrator (cephadm, or Rook).

A storage host is handed over with a label that keeps everything off it until whatever fills OSDs takes it away:
https://docs.ceph.com/en/latest/cephadm/host-management/ (special labels).
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clients import ceph
from clients.ceph import CommandRefused
from clients.errors import CloudError

if TYPE_CHECKING:
    import rados


@dataclass(frozen=True)
class Clouds:
    """How OpenStack and Ceph are asked.

    Attributes:
        cloud: entry of clouds.yaml with an administrator's login.
        ceph_user: cephx user without ``client.``; None where no Ceph is looked at.
        ceph_conf: path of ceph.conf; None for $CEPH_CONF or Ceph's usual place.
    """

    cloud: str
    ceph_user: str | None = None
    ceph_conf: str | None = None


NOT_YET = "_no_schedule"
"""cephadm's label of a host on which nothing is to be deployed."""


@dataclass(frozen=True)
class Osd:
    """An OSD on the host.

    Attributes:
        safe: whether Ceph says that data and redundancy stay as they are without it.
    """

    id: int
    placement_groups: int
    safe: bool

    @property
    def empty(self) -> bool:
        """Whether nothing is lost with it."""
        return self.safe and not self.placement_groups


def osds(clouds: Clouds, host: str) -> list[Osd]:
    """The OSDs of the host, by CRUSH's bucket of its name or by where they last ran. None without a Ceph."""
    if clouds.ceph_user is None:
        return []
    with ceph.cluster(clouds.ceph_user, clouds.ceph_conf) as handle:
        tree = ceph.command(handle, "osd tree")
        nodes = {node["id"]: node for node in tree["nodes"]}
        ids = {
            child
            for node in nodes.values()
            if node["type"] == "host" and node["name"] == host
            for child in node.get("children", [])
        }
        ids |= {row["id"] for row in ceph.command(handle, "osd metadata") if row.get("hostname") == host}
        if not ids:
            return []
        held = {row["id"]: row["pgs"] for row in ceph.command(handle, "osd df", to="manager")["nodes"]}
        return [Osd(id_, held.get(id_, 0), _safe(handle, id_)) for id_ in sorted(ids)]


def hand_over(name: str, address: str, labels: Mapping[str, str], clouds: Clouds) -> str:
    """Have the orchestrator take in a storage host whose disks are clean, and nothing be deployed on it yet.

    Its labels become KEY=VALUE, as cephadm knows words only. A host that is there already keeps its labels and
    gets what it lacks of these.

    Returns:
        What was done or why nothing was, as a sentence.

    Raises:
        CloudError: the orchestrator refuses the host, as it does where its own key does not get in there.
    """
    if clouds.ceph_user is None:
        return f"{name}: no Ceph is declared (kolla.ceph), so its disks stay as they are"
    with ceph.cluster(clouds.ceph_user, clouds.ceph_conf) as handle:
        backend = orchestrator(handle)
        if backend is None:
            return (
                f"{name}: no orchestrator answers in Ceph (`ceph orch status`), so its disks stay as they are"
            )
        words = sorted(f"{key}={value}" for key, value in labels.items())
        known = _known(handle, name)
        if known is None:
            added: dict[str, Any] = {
                "hostname": name,
                "addr": address,
                "labels": [",".join([*words, NOT_YET])],
            }
            try:
                ceph.command(handle, "orch host add", to="manager", **added)
            except CommandRefused as error:
                raise CloudError(
                    f"{name}: Ceph's orchestrator ({backend}) does not take the host: {error}"
                ) from None
            return (
                f"{name}: handed to Ceph's orchestrator ({backend}), where label {NOT_YET} keeps OSDs off it"
            )
        if known.get("addr") != address:
            ceph.command(handle, "orch host set-addr", to="manager", hostname=name, addr=address)
        for word in words:
            if word not in known.get("labels", []):
                ceph.command(handle, "orch host label add", to="manager", hostname=name, label=word)
    return f"{name}: Ceph's orchestrator ({backend}) has it already"


def take_back(name: str, clouds: Clouds) -> str | None:
    """Take a host without OSDs out of the orchestrator.

    Returns:
        Why it is still there, as a sentence; None where it is gone, was never there, or no orchestrator answers.
    """
    if clouds.ceph_user is None:
        return None
    left = osds(clouds, name)
    with ceph.cluster(clouds.ceph_user, clouds.ceph_conf) as handle:
        if orchestrator(handle) is None or _known(handle, name) is None:
            return None
        if left:
            numbers = ", ".join(f"osd.{osd.id}" for osd in left)
            return (
                f"{name} stays in Ceph's orchestrator, because it has {numbers}; remove these with"
                f" `ceph orch osd rm`, then the host with `ceph orch host rm {name}`"
            )
        try:
            ceph.command(handle, "orch host rm", to="manager", hostname=name)
        except CommandRefused as error:
            return f"{name} stays in Ceph's orchestrator: {error}"
    return None


def orchestrator(handle: "rados.Rados") -> str | None:
    """The name of the orchestrator that answers; None where there is none, or it is not able to."""
    none = {errno.ENOENT, errno.EINVAL, errno.ENOTSUP}  # none chosen; no module; unable to
    status = ceph.command(handle, "orch status", to="manager", none_for=none)
    return str(status["backend"]) if status and status["available"] else None


def _known(handle: "rados.Rados", name: str) -> dict[str, Any] | None:
    rows = ceph.command(handle, "orch host ls", to="manager")
    return next((row for row in rows if row["hostname"] == name), None)


def _safe(handle: "rados.Rados", id_: int) -> bool:
    unsafe = {errno.EBUSY, errno.EAGAIN}  # it holds data; not enough is known of it
    answer = ceph.command(handle, "osd safe-to-destroy", to="manager", none_for=unsafe, ids=[str(id_)])
    return bool(answer) and id_ in answer["safe_to_destroy"]
