"""OSDs fill and empty in small steps while clients' latency is in bounds; what is set for that is put back."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clients.ceph import CommandRefused
from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.osd_expansion.cluster import PROPOSALS, SLEEP, Cluster
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from dynamic_providers.osd_expansion.journal import Entries, Journal
from dynamic_providers.osd_expansion.plan import Plan, next_weight, plan
from dynamic_providers.osd_expansion.probe import Latency, OneAtATime, Probe, probing
from dynamic_providers.osd_expansion.work import Action, Task, look

if TYPE_CHECKING:
    import rados

BASELINE_S = 10.0
WINDOW_S = 5.0
"""Of the writes by whose latency a run decides."""
TICK_S = 1.0
AFFINITIES = (0.25, 0.5, 0.75, 1.0)
"""The shares of its former affinity in which a full OSD becomes primary again: each makes some PGs peer."""
SLEEPS = ("0.020000", "0.100000", "0.300000", "1.000000", "3.000000")  # as Ceph writes numbers
"""Seconds between two writes of a recovery, from the usual pace to nearly none."""
QUICK_PROPOSALS = "0.050000"
"""Seconds between two maps. A PG that peers waits for the monitors up to this long, twice a move; Ceph's default is 1."""
MOST_AT_ONCE = 8
_FLOOR_MS = 5.0  # of a bound by a baseline: below, it is the machine's noise


class OutOfTimeError(Exception):
    """The time budget is over."""


@dataclass
class Outcome:
    """What a run has come to.

    Attributes:
        osds: how far each OSD is, as words.
        left: what the next run goes on with; empty for nothing.
    """

    osds: dict[str, str] = field(default_factory=dict)
    left: str = ""


@dataclass
class Pace:
    """How fast it goes: PGs a step, and how slowly a PG recovers. Halves at once and grows slowly.

    Attributes:
        bound: seconds that the p99 latency may have.
        most: PGs that may move in one step.
        sleep: position in `SLEEPS`.
    """

    bound: float
    most: int = 1
    sleep: int = 1

    @classmethod
    def within(cls, declared: OsdExpansionArgs, quiet: Latency) -> "Pace":
        """The bound that is declared, or that follows from the latency before."""
        ms = declared.latency_ms or max(_FLOOR_MS, declared.latency_times * quiet.p99 * 1000)
        return cls(ms / 1000)

    def is_exceeded(self, now: Latency) -> bool:
        """Whether clients wait too long."""
        return now.p99 > self.bound

    def slower(self) -> None:
        """Recover more slowly, and move fewer PGs with the next step."""
        self.sleep = min(self.sleep + 1, len(SLEEPS) - 1)
        self.most = max(1, self.most // 2)

    def faster(self, now: Latency) -> None:
        """A step has ended with this latency."""
        if now.p99 < self.bound / 2:
            self.sleep = max(0, self.sleep - 1)
            self.most = min(self.most + 1, MOST_AT_ONCE)


@dataclass
class Expansion:
    """One run.

    Attributes:
        until: when it begins no further step, by `time.monotonic`.
        wait: between two looks.
    """

    cluster: Cluster
    journal: Journal
    probe: Probe
    lock: OneAtATime
    until: float
    pace: Pace
    wait: Callable[[float], None] = time.sleep
    _told: str = ""
    _slowed: float = 0.0
    _kept: bool = False

    def bring(self, task: Task) -> None:
        """Bring an OSD to its weight.

        Raises:
            OutOfTimeError: before that; nothing is lost.
            CloudError: it must not be done.
        """
        weight = self.cluster.weights()[task.osd]
        if task.action is Action.FILL and not weight:
            self.journal.take_affinity(task.osd, self.cluster.osds()[task.osd].affinity)
        while weight != task.target:
            self._until_calm()
            weight = self._step(task)
        self._until_calm()
        if task.action is Action.FILL:
            self._become_primary(task.osd)

    def _step(self, task: Task) -> int:
        """Change the weight so that a few PGs move, and wait until they have."""
        snapshot = self.cluster.snapshot()
        whole = plan(snapshot, {task.osd: task.target})
        if refusals := whole.refusals(snapshot.nearfull):
            raise CloudError(f"{task} is left as it is: {'; '.join(refusals)}")
        weight = next_weight(snapshot, task.osd, task.target, self.pace.most)
        step = plan(snapshot, {task.osd: weight})
        self._apply_pace()
        begun = time.monotonic()
        self.cluster.reweight(task.osd, weight)
        self._until_moved(step, self.cluster.epoch())
        if step.moves:
            took = (time.monotonic() - begun) / len(step.moves)
            former = self.journal.entries.seconds_per_group or took
            self.journal.entries.seconds_per_group = former * 0.8 + took * 0.2
        during = self.probe.window(time.monotonic() - begun)
        self.pace.faster(during)
        log_line(
            f"{task}: weight {weight}/{task.target} of 65536, {len(whole.moves) - len(step.moves)} PGs to move, "
            f"{during}"
        )
        return weight

    def _until_moved(self, step: Plan, epoch: int) -> None:
        def waiting() -> str | None:
            groups = self.cluster.groups()
            ours = {move.group for move in step.moves}
            late = [
                group
                for group in ours & groups.keys()
                if not groups[group].is_settled or groups[group].epoch < epoch
            ]
            self._adapt(
                others_lack_copies=any("degraded" in g.state for n, g in groups.items() if n not in ours)
            )
            return f"{len(late)} PGs move" if late else None

        self._until_none(waiting)

    def _until_calm(self) -> None:
        """Until nothing speaks against the next step."""

        def waiting() -> str | None:
            if found := self.cluster.objections():
                return "; ".join(found)
            unsettled = sum(not group.is_settled for group in self.cluster.groups().values())
            if unsettled:
                return f"{unsettled} PGs are not active+clean where they belong"
            now = self.probe.window(WINDOW_S)
            return f"clients' {now}" if self.pace.is_exceeded(now) else None

        if time.monotonic() > self.until:
            raise OutOfTimeError("the time budget is over")
        self._until_none(waiting)

    def _until_none(self, reason: Callable[[], str | None]) -> None:
        """Until nothing is REASON to wait; the lock is kept meanwhile."""
        while True:
            self.lock.renew()
            try:
                found = reason()
            except CommandRefused:
                raise
            except CloudError as error:  # nobody answered: a monitor or the manager is being replaced
                found = str(error)
            if found is None:
                return
            if time.monotonic() > self.until:
                raise OutOfTimeError(found)
            if found != self._told:
                self._told = found
                log_line(f"waiting: {found}")
            self.wait(TICK_S)

    def _adapt(self, *, others_lack_copies: bool) -> None:
        """Slow down where clients wait too long; not what else is recovered, if that has lost copies."""
        if others_lack_copies:
            self.pace.sleep = 0
            self._apply_pace()
        elif time.monotonic() > self._slowed + WINDOW_S and self.pace.is_exceeded(
            self.probe.window(WINDOW_S)
        ):
            self._slowed = time.monotonic()
            self.pace.slower()
            self._apply_pace()

    def _apply_pace(self) -> None:
        if not self.journal.set_option(SLEEP, SLEEPS[self.pace.sleep]) and not self._kept:
            self._kept = True
            log_line(
                f"{SLEEP} was changed by somebody, or by mClock: it stays so, and steps are the only pace"
            )

    def _become_primary(self, osd: int) -> None:
        found = self.journal.entries.affinity.get(osd)
        if found is None:
            return
        now = self.cluster.osds()[osd].affinity
        for share in AFFINITIES:
            if found * share > now:
                self._until_calm()
                self.cluster.set_affinity(osd, found * share)
                self.wait(WINDOW_S)  # until what that did to clients is in the window
        self._until_calm()
        self.journal.forget_affinity(osd)


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
        journal.restore()
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
        time.sleep(BASELINE_S)
        until = time.monotonic() + declared.time_budget_s
        quiet = probe.window(BASELINE_S)
        pace = Pace.within(declared, quiet)
        log_line(f"quiet: {quiet}; the bound is {pace.bound * 1000:.0f} ms")
        expansion = Expansion(journal.cluster, journal, probe, lock, until, pace)
        try:
            journal.set_option(PROPOSALS, QUICK_PROPOSALS)
            for task in tasks:
                expansion.bring(task)
        except OutOfTimeError as late:
            return str(late)
        finally:
            journal.restore()
    return ""


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
