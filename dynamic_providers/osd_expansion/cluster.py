"""What an expansion asks of a Ceph cluster and sets in it; all commands are here, and so are the caps they need."""

import errno
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rados

from clients import ceph
from clients.errors import CloudError
from dynamic_providers.osd_expansion.max_avail import Room
from dynamic_providers.osd_expansion.placement import UNIT, Pairs, Pins
from dynamic_providers.osd_expansion.plan import Osd, Snapshot

PREFIX = "private-cloud/osd-expansion/"
"""Of the keys in the monitors' config-key store. In the store, so it never changes."""
OBJECTS = "private-cloud-probe."
"""How the names of the objects begin that are written to measure latency."""
SLEEP, PROPOSALS = "osd/osd_recovery_sleep", "mon/paxos_propose_interval"
BALANCER, PROFILE = "mgr/mgr/balancer/active", "osd/osd_mclock_profile"
"""Options that are set while OSDs fill, as SECTION/NAME."""
HANDS_OFF = frozenset(
    {
        "noout",
        "noin",
        "noup",
        "nodown",
        "norebalance",
        "nobackfill",
        "norecover",
        "pauserd",
        "pausewr",
        "full",
    }
)
"""Flags by which people say that data shall stay where it is."""
PAUSING = frozenset(
    {"MON_DOWN", "OSD_DOWN", "OSD_NEARFULL", "OSD_BACKFILLFULL", "OSD_FULL", "OSD_SCRUB_ERRORS", "PG_DAMAGED"}
    | {"POOL_FULL", "PG_BACKFILL_FULL", "PG_RECOVERY_FULL", "PG_DEGRADED", "PG_AVAILABILITY", "SLOW_OPS"}
)
"""Health checks during which nothing more is begun."""
_ERASURE_CODED = 3  # the type of a pool


def rights(probe_pool: str) -> dict[str, str]:
    """The caps of the cephx user that this runs as."""
    commands = [f'"config-key {verb}" with key prefix {PREFIX}' for verb in ("get", "set", "rm")]
    commands += [
        f'"osd {verb}"'
        for verb in ("crush reweight", "primary-affinity", "pg-upmap-items", "rm-pg-upmap-items")
    ]
    commands += [
        f'"config {verb}" with who={section} name={name}'
        for section, name in (option.split("/", 1) for option in (SLEEP, PROPOSALS, BALANCER, PROFILE))
        for verb in ("set", "rm")
    ]
    return {
        "mon": ", ".join(["allow r", *(f"allow command {command}" for command in commands)]),
        "mgr": 'allow r, allow command "osd purge"',
        "osd": f"allow rwx pool={probe_pool} object_prefix {OBJECTS}",
    }


@dataclass(frozen=True)
class Found:
    """An OSD as the monitors list it."""

    uuid: str
    up: bool
    affinity: float


@dataclass(frozen=True)
class Group:
    """A placement group as its primary has reported it.

    Attributes:
        state: such as ``active+clean``.
        up: the OSDs that should hold it.
        acting: those that do.
        epoch: of the map that the report was made with.
    """

    state: str
    up: frozenset[int]
    acting: frozenset[int]
    epoch: int

    @property
    def is_settled(self) -> bool:
        """Whether its data is where it should be, each copy of it."""
        return self.state.startswith("active+clean") and self.up == self.acting


class Cluster:
    """A connected cluster."""

    def __init__(self, handle: rados.Rados) -> None:
        self.handle = handle

    def _ask(self, prefix: str, **arguments: Any) -> Any:
        return ceph.command(self.handle, prefix, **arguments)

    @contextmanager
    def pool(self, name: str) -> Iterator[rados.Ioctx]:
        """Open a pool.

        Raises:
            CloudError: there is none.
        """
        try:
            ioctx = self.handle.open_ioctx(name)
        except rados.ObjectNotFound:
            raise CloudError(
                f"there is no pool {name!r} in Ceph: name one that clients use in osd_expansion.probe_pool"
            ) from None
        with ioctx:
            yield ioctx

    def dump(self) -> Any:
        """The map of OSDs, as Ceph tells it."""
        return self._ask("osd dump")

    def osds(self, dump: Any = None) -> dict[int, Found]:
        """All OSDs, by number; DUMP if that was asked already."""
        rows = (dump or self.dump())["osds"]
        return {row["osd"]: Found(row["uuid"], bool(row["up"]), row["primary_affinity"]) for row in rows}

    def of_hosts(self, hosts: Collection[str]) -> set[int]:
        """The OSDs of these hosts in CRUSH."""
        nodes = self._ask("osd tree")["nodes"]
        return {
            child
            for node in nodes
            if node["type"] == "host" and node["name"] in hosts
            for child in node["children"]
        }

    def snapshot(self, dump: Any = None) -> Snapshot:
        """Map, weights and sizes; DUMP if that was asked already."""
        dump = dump or self.dump()
        rows = self._ask("osd df", to="manager")["nodes"]
        groups = self._ask("pg dump", to="manager", dumpcontents=["pgs"])["pg_stats"]
        return Snapshot(
            osdmap=ceph.binary(self.handle, "osd getmap"),
            osds={
                row["id"]: Osd(round(row["crush_weight"] * UNIT), row["kb"] << 10, row["kb_used"] << 10)
                for row in rows
            },
            bytes_of={row["pgid"]: row["stat_sum"]["num_bytes"] for row in groups},
            copies={pool["pool"]: pool["size"] for pool in dump["pools"]},
            nearfull=dump["nearfull_ratio"],
            upmaps=_upmaps(dump),
            min_client=dump["require_min_compat_client"],
            clients=[row["release"] for row in self._ask("features").get("client", [])],
            erasure_coded=[pool["pool"] for pool in dump["pools"] if pool["type"] == _ERASURE_CODED],
        )

    def weights(self) -> dict[int, int]:
        """The CRUSH weights as the monitors have them, by OSD, in `UNIT`."""
        items = self._ask("osd crush dump")["buckets"]
        return {item["id"]: item["weight"] for bucket in items for item in bucket["items"] if item["id"] >= 0}

    def groups(self) -> dict[str, Group]:
        """All placement groups, as the manager last heard of them."""
        rows = self._ask("pg dump", to="manager", dumpcontents=["pgs"])["pg_stats"]
        return {
            row["pgid"]: Group(
                row["state"], frozenset(row["up"]), frozenset(row["acting"]), int(row["reported_epoch"])
            )
            for row in rows
        }

    def room(self) -> Room:
        """How much clients can still store."""
        told = self._ask("df")
        return Room(
            {pool["name"]: pool["stats"]["max_avail"] for pool in told["pools"]},
            told["stats"]["total_used_raw_bytes"],
        )

    def epoch(self) -> int:
        """Of the map of OSDs."""
        return int(self._ask("osd stat")["epoch"])

    def objections(self) -> list[str]:
        """Why nothing more should be begun: flags that people set, and what Ceph complains of."""
        flags = HANDS_OFF & set(self.dump()["flags"].split(","))
        found = [f"the flag {flag} is set" for flag in sorted(flags)]
        for code, check in self._ask("health")["checks"].items():
            if code in PAUSING:
                found.append(check["summary"]["message"])
        return found

    def reweight(self, osd: int, weight: int) -> None:
        """Give OSD this CRUSH weight, in `UNIT`, and read it back.

        Raises:
            CloudError: it has another one afterwards.
        """
        self._ask("osd crush reweight", name=f"osd.{osd}", weight=weight / UNIT)
        if (now := self.weights().get(osd)) != weight:
            raise CloudError(f"osd.{osd} was given the CRUSH weight {weight / UNIT:.5f} and has {now}/65536")

    def upmaps(self) -> Pins:
        """The pairs of ``pg-upmap-items``, by placement group."""
        return _upmaps(self.dump())

    def set_upmaps(self, pins: Pins, weight: tuple[int, int] | None = None) -> None:
        """Give placement groups these pairs instead of those that they have, and an OSD a CRUSH weight, at once.

        What reaches the monitors within `paxos_min_wait` (0.05 s) becomes one map: then nothing peers that is pinned.
        """
        with ThreadPoolExecutor(len(pins) + 1) as pool:
            changes = [pool.submit(self.reweight, *weight)] if weight else []
            changes += [pool.submit(self._set_upmap, group, pairs) for group, pairs in pins.items()]
        for change in changes:
            change.result()

    def _set_upmap(self, group: str, pairs: Pairs) -> None:
        if pairs:
            self._ask("osd pg-upmap-items", pgid=group, id=[osd for pair in pairs for osd in pair])
        else:
            self._ask("osd rm-pg-upmap-items", pgid=group)

    def set_affinity(self, osd: int, affinity: float) -> None:
        """How readily OSD becomes the primary of its placement groups, from 0 to 1."""
        self._ask("osd primary-affinity", id=osd, weight=float(affinity))

    def option(self, option: str) -> str | None:
        """What the monitors' configuration has for SECTION/NAME; None for nothing."""
        section, name = option.split("/", 1)
        rows = self._ask("config dump")
        return next(
            (
                str(row["value"])
                for row in rows
                if (row["section"], row["name"], row["mask"]) == (section, name, "")
            ),
            None,
        )

    def set_option(self, option: str, value: str | None) -> None:
        """Set SECTION/NAME, or take it away."""
        section, name = option.split("/", 1)
        if value is None:
            self._ask("config rm", who=section, name=name)
        else:
            self._ask("config set", who=section, name=name, value=value)

    def key(self, name: str) -> Any:
        """What is stored under NAME, as JSON; None for nothing."""
        return self._ask("config-key get", none_for=(errno.ENOENT,), key=PREFIX + name)

    def store(self, name: str, text: str) -> None:
        """Store TEXT under NAME."""
        self._ask("config-key set", key=PREFIX + name, val=text)

    def forget(self, name: str) -> None:
        """Forget what is stored under NAME."""
        self._ask("config-key rm", none_for=(errno.ENOENT,), key=PREFIX + name)

    def is_safe_to_destroy(self, osd: int) -> bool:
        """Whether Ceph says that all data and redundancy stay without OSD."""
        unsafe = (errno.EBUSY, errno.EAGAIN)  # it holds data; not enough is known of it
        answer = self._ask("osd safe-to-destroy", to="manager", none_for=unsafe, ids=[str(osd)])
        return bool(answer) and osd in answer["safe_to_destroy"]

    def purge(self, osd: int) -> None:
        """Forget OSD; the manager itself refuses where that is not safe."""
        self._ask("osd purge", to="manager", id=osd, yes_i_really_mean_it=True)


def _upmaps(dump: Any) -> Pins:
    return {
        row["pgid"]: tuple((pair["from"], pair["to"]) for pair in row["mappings"])
        for row in dump["pg_upmap_items"]
    }


@contextmanager
def connected(user: str, conf: str | None, probe_pool: str = "POOL") -> Iterator[Cluster]:
    """Yield a connection; a right that USER lacks becomes a sentence.

    Raises:
        CloudError: it may not, or as for ``clients.ceph.cluster``.
    """
    with ceph.cluster(user, conf) as handle:
        try:
            yield Cluster(handle)
        except (ceph.CommandRefused, rados.PermissionError, rados.PermissionDeniedError) as refused:
            if isinstance(refused, ceph.CommandRefused) and refused.code not in (errno.EACCES, errno.EPERM):
                raise
            raise CloudError(
                f"client.{user} may not do what an expansion needs ({refused}): give it the caps {as_caps(rights(probe_pool))}"
            ) from refused
        except rados.Error as error:
            raise CloudError(f"Ceph does not answer an expansion: {error}") from error


def as_caps(caps: Mapping[str, str]) -> str:
    """CAPS as ``ceph auth caps`` takes them."""
    return " ".join(f"{kind} '{cap}'" for kind, cap in caps.items())
