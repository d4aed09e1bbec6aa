"""One run: alone in its cluster, from the journal that a former one has left to how far each OSD is; what it sets is put back."""

import errno
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clients.ceph import CommandRefused
from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.osd_expansion.cluster import BALANCER, PROFILE, PROPOSALS, Cluster
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from dynamic_providers.osd_expansion.journal import Entries, Journal
from dynamic_providers.osd_expansion.loop import Expansion, OutOfTimeError, Pace
from dynamic_providers.osd_expansion.probe import OneAtATime, probing
from dynamic_providers.osd_expansion.work import Action, Task, look

if TYPE_CHECKING:
    import rados

BASELINE_S = 10.0
QUICK_PROPOSALS = "0.050000"
"""Seconds between two maps. A PG that peers waits for the monitors up to this long, twice a move; Ceph's default is 1."""


@dataclass
class Outcome:
    """What a run has come to.

    Attributes:
        osds: how far each OSD is, as words.
        left: what the next run goes on with; empty for nothing.
    """

    osds: dict[str, str] = field(default_factory=dict)
    left: str = ""


def run(cluster: Cluster, declared: OsdExpansionArgs) -> Outcome:
    """Go on with what is declared until it is done or the time budget is over.

    Raises:
        CloudError: another run is under way, or something must not be done.
    """
    with cluster.pool(declared.probe_pool) as ioctx, alone(ioctx) as lock:
        journal = Journal(cluster)
        journal.restore()  # of a run that was killed
        for osd in journal.entries.purged.keys() - set(declared.remove):
            del journal.entries.purged[osd]
        tasks = look(cluster, declared, journal.entries)[0].tasks
        for task in tasks:
            if task.action is Action.PURGE:
                _purge(task, journal)
        moving = [task for task in tasks if task.action is not Action.PURGE]
        late = _bring(declared, journal, lock, moving) if moving else ""
        journal.save()
        return how_far(cluster, declared, journal.entries, late)


def end(cluster: Cluster, probe_pool: str) -> None:
    """Put back what a killed run has set, and the affinity of OSDs that are not full.

    Raises:
        CloudError: a run is under way.
    """
    with cluster.pool(probe_pool) as ioctx, alone(ioctx):
        journal = Journal(cluster)
        journal.restore(give_up=True)
        known = cluster.osds()
        for osd, affinity in list(journal.entries.affinity.items()):
            if osd in known:
                cluster.set_affinity(osd, affinity)
            journal.forget_affinity(osd)


def how_far(cluster: Cluster, declared: OsdExpansionArgs, entries: Entries, late: str = "") -> Outcome:
    """How far each OSD is; LATE is why a run has ended before it was done."""
    todo, _ = look(cluster, declared, entries)
    far = {str(task): f"{task.action}: {task.done:.0%}, continues" for task in todo.tasks}
    far |= {f"osd.{osd}": reason for osd, reason in todo.waiting.items()}
    left = "; ".join(f"{osd} {words}" for osd, words in far.items())
    return Outcome(far, f"{left} (it waited for: {late})" if late and left else left)


def _bring(declared: OsdExpansionArgs, journal: Journal, lock: OneAtATime, tasks: Sequence[Task]) -> str:
    """Do TASKS; why there was not enough time, or an empty text."""
    with probing(lock.ioctx) as probe:
        try:
            # Before the quiet seconds: a proposal of the monitors that waits already keeps the longer interval.
            journal.set_option(PROPOSALS, QUICK_PROPOSALS)
            pause_balancer(journal)
            prefer_clients(journal)
            time.sleep(BASELINE_S)
            until = time.monotonic() + declared.time_budget_s
            quiet = probe.window(BASELINE_S)
            pace = Pace.within(declared, quiet)
            log_line(f"quiet: {quiet}; the bound is {pace.bound * 1000:.0f} ms")
            expansion = Expansion(declared, journal.cluster, journal, probe, lock, until, pace)
            for task in tasks:
                expansion.bring(task)
        except OutOfTimeError as late:
            return str(late)
        finally:
            journal.restore()
    return ""


def prefer_clients(journal: Journal) -> None:
    """Under mClock, where `SLEEP` has no effect; a custom profile stays."""
    if journal.cluster.option(PROFILE) != "custom":
        journal.set_option(PROFILE, "high_client_ops")


def pause_balancer(journal: Journal) -> None:
    """Have Ceph's balancer move nothing beside, if there is one."""
    try:
        journal.set_option(BALANCER, "false")
    except CommandRefused as refused:
        if refused.code != errno.EINVAL:
            raise
        log_line("this manager has no balancer")


def _purge(task: Task, journal: Journal) -> None:
    cluster = journal.cluster
    if not cluster.is_safe_to_destroy(task.osd):
        raise CloudError(f"{task} is not purged: Ceph says that it is not safe to destroy")
    journal.entries.purged[task.osd] = cluster.osds()[task.osd].uuid
    journal.entries.affinity.pop(task.osd, None)
    journal.save()
    cluster.purge(task.osd)


@contextmanager
def alone(ioctx: "rados.Ioctx") -> Iterator[OneAtATime]:
    """Be the only run in this cluster.

    Raises:
        CloudError: another run is under way.
    """
    lock = OneAtATime(ioctx, str(uuid.uuid4()))
    lock.renew()
    try:
        yield lock
    finally:
        lock.release()
