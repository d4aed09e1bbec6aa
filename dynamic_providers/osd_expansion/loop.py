"""OSDs fill and empty in small steps while clients' latency is in bounds; what is set for that is put back."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from clients.ceph import CommandRefused
from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.osd_expansion.cluster import SLEEP, Cluster
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from dynamic_providers.osd_expansion.journal import Journal
from dynamic_providers.osd_expansion.max_avail import Room
from dynamic_providers.osd_expansion.placement import Pins
from dynamic_providers.osd_expansion.plan import GIB, Plan, Snapshot, moves_between, next_weight, plan
from dynamic_providers.osd_expansion.probe import Latency, OneAtATime, Probe
from dynamic_providers.osd_expansion.upmap import joined, pinned
from dynamic_providers.osd_expansion.work import Action, Task, refusals

WINDOW_S = 5.0
"""Of the writes by whose latency a run decides."""
TICK_S = 1.0
AFFINITIES = (0.25, 0.5, 0.75, 1.0)
"""The shares of its former affinity in which a full OSD becomes primary again: each makes some PGs peer."""
SLEEPS = tuple(f"{0.0125 * 2**power:.6f}" for power in range(9))  # as Ceph writes numbers
"""Seconds between two objects that are recovered, from hardly any to 3.2, which is nearly no recovery."""
USUAL = 3  # 0.1 s, Ceph's default for disks
MOST_AT_ONCE = 8
PINNED_AT_ONCE = 16
"""PGs that are pinned in one map: their commands have to reach the monitors within `paxos_min_wait`, which is 0.05 s."""
PINNING_TRIES = 3
_AIM, _ROOM = 0.8, 0.6
"""Shares of the way from the quiet latency to the bound: above the first it slows down, below the second it goes faster."""
_FLOOR_MS = 5.0  # of a bound by a baseline: below, it is the machine's noise


class OutOfTimeError(Exception):
    """The time budget is over."""


@dataclass
class Pace:
    """How fast it goes: PGs a step, and how slowly a PG recovers. It falls at once and rises slowly.

    Attributes:
        bound: seconds that the p99 latency may have.
        quiet: seconds that it had before.
        most: PGs that may move in one step.
        sleep: position in `SLEEPS`.
    """

    bound: float
    quiet: float = 0.0
    most: int = 1
    sleep: int = USUAL

    @classmethod
    def within(cls, declared: OsdExpansionArgs, quiet: Latency) -> "Pace":
        """The bound that is declared, or that follows from the latency before."""
        ms = declared.latency_ms or max(_FLOOR_MS, declared.latency_times * quiet.p99 * 1000)
        return cls(ms / 1000, quiet.p99)

    def is_exceeded(self, now: Latency) -> bool:
        """Whether clients wait too long."""
        return now.p99 > self.bound

    def _at(self, share: float) -> float:
        return self.quiet + (self.bound - self.quiet) * share

    def recover(self, now: Latency) -> None:
        """Recover as slowly as a window of this latency asks for; where it is too long, the next step is smaller as well."""
        if self.is_exceeded(now):
            self.sleep = min(self.sleep + 2, len(SLEEPS) - 1)
            self.most = max(1, self.most // 2)
        elif now.p99 > self._at(_AIM):
            self.sleep = min(self.sleep + 1, len(SLEEPS) - 1)
        elif now.p99 < self._at(_ROOM):
            self.sleep = max(0, self.sleep - 1)

    def grow(self, now: Latency) -> None:
        """A step has ended, in which latency was so: the next one may have more PGs."""
        if now.p99 < self._at(_AIM):
            self.most = min(self.most + 1, MOST_AT_ONCE)


@dataclass
class Expansion:
    """One run.

    Attributes:
        until: when it begins no further step, by `time.monotonic`.
        wait: between two looks.
    """

    declared: OsdExpansionArgs
    cluster: Cluster
    journal: Journal
    probe: Probe
    lock: OneAtATime
    until: float
    pace: Pace
    wait: Callable[[float], None] = time.sleep
    _told: str = ""
    _changed: float = 0.0
    _kept: bool = False
    _moved: int = 0
    _room: Room | None = None

    def bring(self, task: Task) -> None:
        """Bring an OSD to its weight.

        Raises:
            OutOfTimeError: before that; nothing is lost.
            CloudError: it must not be done.
        """
        weight = self.cluster.weights()[task.osd]
        self._room = None
        self._until_calm()  # or what others had begun would count as lost
        self._room = self.cluster.room() if task.action is Action.FILL else None
        if task.action is Action.FILL and not weight:
            self.journal.take_affinity(task.osd, self.cluster.osds()[task.osd].affinity)
        raise_weight = self._pinned_step if self._is_pinned(task) else self._step
        with self._timed():
            while weight != task.target:
                self._until_calm()
                weight = raise_weight(task)
            self._tell_room(task)
            while pins := self._pins_of(task):
                self._until_calm()
                self._release(task, pins)
            self._until_calm()
        if task.action is Action.FILL:
            self._become_primary(task.osd)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """What a PG took of this time is for the estimates of later runs; half of it, for the load differs."""
        begun, moved = time.monotonic(), self._moved
        try:
            yield
        finally:
            if self._moved > moved:
                each = (time.monotonic() - begun) / (self._moved - moved)
                former = self.journal.entries.seconds_per_group or each
                self.journal.entries.seconds_per_group = (former + each) / 2

    def _step(self, task: Task) -> int:
        """Change the weight so that a few PGs move, and wait until they have."""
        snapshot = self.cluster.snapshot()
        whole = self._allowed(task, snapshot)
        weight = next_weight(snapshot, task.osd, task.target, self.pace.most)
        step = {move.group for move in plan(snapshot, {task.osd: weight}).moves}
        with self._moving(step) as ended:
            self.cluster.reweight(task.osd, weight)
        log_line(
            f"{task}: weight {weight}/{task.target} of 65536, {len(whole.moves) - len(step)} PGs to move, {ended()}"
        )
        return weight

    def _is_pinned(self, task: Task) -> bool:
        return task.action is Action.FILL and self.declared.strategy == "upmap"

    def _pinned_step(self, task: Task) -> int:
        """Change the weight, and keep PGs where they are in the same map of the monitors."""
        snapshot = self.cluster.snapshot()
        self._allowed(task, snapshot)
        weight = next_weight(snapshot, task.osd, task.target, PINNED_AT_ONCE)
        moves = plan(snapshot, {task.osd: weight}).moves
        for _ in range(PINNING_TRIES):
            pins = pinned(moves)
            self.journal.add_pins(pins)
            upmaps = self.cluster.upmaps()
            self.cluster.set_upmaps(
                {group: joined(upmaps.get(group, ()), pairs) for group, pairs in pins.items()},
                (task.osd, weight),
            )
            moves = moves_between(snapshot.up, self.cluster.snapshot().up, {})
            if not moves:
                break
            log_line(f"{task}: {len(moves)} PGs were not pinned in the map of the new weight")
        self.journal.check_pins()
        log_line(f"{task}: weight {weight}/{task.target} of 65536, {len(self._pins_of(task))} PGs are pinned")
        return weight

    def _pins_of(self, task: Task) -> Pins:
        """The PGs that belong to this OSD and wait."""
        pins = self.journal.check_pins() if self.journal.entries.pins else {}
        return {group: pairs for group, pairs in pins.items() if any(given == task.osd for given, _ in pairs)}

    def _release(self, task: Task, pins: Pins) -> None:
        """Let a few PGs go to their new OSD, and wait until they have; the pairs of others stay."""
        self._allowed(task, self.cluster.snapshot())
        step = sorted(pins)[: self.pace.most]
        upmaps = self.cluster.upmaps()
        with self._moving(step) as ended:
            self.cluster.set_upmaps(
                {
                    group: tuple(pair for pair in upmaps.get(group, ()) if pair not in pins[group])
                    for group in step
                }
            )
        log_line(f"{task}: {len(pins) - len(step)} PGs are pinned, {ended()}")

    def _allowed(self, task: Task, snapshot: Snapshot) -> Plan:
        whole = plan(snapshot, {task.osd: task.target}, self.journal.entries.pins)
        if refused := refusals(self.declared, task, snapshot, whole):
            raise CloudError(f"{task} is left as it is: {'; '.join(refused)}")
        return whole

    @contextmanager
    def _moving(self, groups: Collection[str]) -> Iterator[Callable[[], Latency]]:
        """What is done within makes these PGs move; it ends when they have, and then yields how latency was."""
        self._apply_pace()
        epoch = self.cluster.epoch() + 1
        begun = time.monotonic()
        yield lambda: self.probe.window(time.monotonic() - begun)
        self._until_moved(set(groups), epoch)
        self._moved += len(groups)
        self.pace.grow(self.probe.window(time.monotonic() - begun))

    def _until_moved(self, ours: set[str], epoch: int) -> None:
        def waiting() -> str | None:
            groups = self.cluster.groups()
            late = [
                group
                for group in ours & groups.keys()
                if not groups[group].is_settled or groups[group].epoch < epoch
            ]
            self._adapt(
                others_lack_copies=any("degraded" in g.state for n, g in groups.items() if n not in ours)
            )
            return "; ".join([f"{len(late)} PGs move", *self.cluster.objections()]) if late else None

        self._until_none(waiting)

    def _until_calm(self) -> None:
        """Until nothing speaks against the next step."""

        def waiting() -> str | None:
            found = self.cluster.objections()
            if self._room:
                found += self.cluster.room().lost_since(self._room)
            if found:
                return "; ".join(found)
            unsettled = sum(not group.is_settled for group in self.cluster.groups().values())
            if unsettled:
                return f"{unsettled} PGs are not active+clean where they belong"
            now = self.probe.window(WINDOW_S)
            return f"clients' {now}" if self.pace.is_exceeded(now) else None

        if time.monotonic() > self.until:
            raise OutOfTimeError("the time budget is over")
        self._until_none(waiting)

    def _tell_room(self, task: Task) -> None:
        pool = self.declared.probe_pool
        log_line(
            f"{task}: MAX AVAIL of pool {pool} is {self.cluster.room().max_avail[pool] / GIB:.2f} GiB now"
        )

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
        """Follow the clients' latency, a window after the last change; what has lost copies is recovered at any pace."""
        former = self.pace.sleep
        if others_lack_copies:
            self.pace.sleep = 0
        elif time.monotonic() > self._changed + WINDOW_S:
            self.pace.recover(self.probe.window(WINDOW_S))
        if self.pace.sleep != former:
            self._changed = time.monotonic()
            self._apply_pace()

    def _apply_pace(self) -> None:
        if not self.journal.set_option(SLEEP, SLEEPS[self.pace.sleep]) and not self._kept:
            self._kept = True
            log_line(f"{SLEEP} was changed by somebody: it stays so, and steps are the only pace")

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
