"""Servers on their way: asked for, made by Nova, probed, and proved; as many at once as the pace allows."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial

from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.server_fleet import probe
from dynamic_providers.server_fleet.declared import Member
from dynamic_providers.server_fleet.nova import BusyError, ConflictError, Nova
from dynamic_providers.server_fleet.pace import LIST_S, POLL_S, Pace
from dynamic_providers.server_fleet.plan import Action, Step, best_first
from dynamic_providers.server_fleet.probe import Shown
from dynamic_providers.server_fleet.server import Made, Server

DEAF_S = 300.0
"""How long Nova may not answer before a run gives up; none of that counts against a server."""
_REQUESTS_AT_ONCE = 16
_QUICK_S = 0.5  # for a probe that asks nothing but Nova; another one is looked at again


class Phase(Enum):
    """Where a server is on its way."""

    LEAVING = auto()
    COMING = auto()
    PROBING = auto()


@dataclass
class Flight:
    """One server on its way.

    Attributes:
        made: what it shall be made of.
        since: when its phase began.
        began: when it was touched.
        at_once: how many were in flight then, with it.
        lacking: what its last probe did not show.
        again: whether Nova could not make it before, in this run.
    """

    step: Step
    made: Made
    phase: Phase
    since: float
    began: float
    at_once: int
    lacking: str = ""
    again: bool = False
    asked: Future[Shown] | None = None

    def enter(self, phase: Phase) -> None:
        """Begin another phase."""
        self.phase, self.since, self.asked = phase, time.monotonic(), None


@dataclass
class Flights:
    """Brings servers to where they should be.

    Attributes:
        members: by name.
        downtime_s: of all servers together, from when one was touched until it was well.
        host_keys: what the consoles have told, by member.
        proved: the members that were proved.
        sleep: between two looks.
    """

    nova: Nova
    members: Mapping[str, Member]
    pace: Pace
    may_begin: Callable[[], bool]
    downtime_s: float = 0.0
    host_keys: dict[str, list[str]] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    sleep: Callable[[float], None] = time.sleep
    _there: set[str] = field(default_factory=set)
    _listed: dict[str, list[Server]] = field(default_factory=dict)  # by member, the best first
    _listed_at: float = 0.0
    _unanswered: set[str] = field(default_factory=set)  # members of whose change Nova may have heard

    def bring(
        self, steps: Sequence[Step], made_for: Callable[[Step], Made], *, stops: bool = True
    ) -> dict[str, str]:
        """Carry STEPS out, and wait until each server has proved itself; why others have not, by member.

        After the first failure no further one is begun, if it STOPS then.

        Raises:
            CloudError: Nova does not answer for long; the next run goes on.
        """
        waiting, flying, failed = deque(steps), dict[str, Flight](), dict[str, str]()
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool, ThreadPoolExecutor(_REQUESTS_AT_ONCE) as probes:
            while waiting or flying:
                if (failed and stops) or not self.may_begin():
                    waiting.clear()
                self._begin(pool, waiting, flying, failed, made_for)
                if not flying:
                    self.sleep(POLL_S if waiting else 0)
                    continue
                anew = self._list(flying)
                due = [key for key, flight in flying.items() if anew or flight.phase is Phase.PROBING]
                outcomes = pool.map(partial(self._advance, probes), [flying[key] for key in due])
                for key, outcome in zip(due, outcomes, strict=True):
                    if outcome is None:
                        continue
                    flight = flying.pop(key)
                    if outcome:
                        failed[flight.step.member] = outcome
                        log_line(f"{flight.step.member}: {outcome}")
                    else:
                        self._landed(flight)
                if flying:
                    self.sleep(POLL_S)
        return failed

    def look(self) -> list[Server]:
        """What Nova has of the fleet, as soon as it answers.

        Raises:
            CloudError: it does not answer for long.
        """
        since = time.monotonic()
        while True:
            try:
                return self.nova.servers()
            except BusyError as error:
                self.pace.slow_down()
                if time.monotonic() - since > DEAF_S:
                    raise CloudError(f"{error}. What was begun, the next run goes on with") from error
                self.sleep(POLL_S)

    def _list(self, flying: Mapping[str, Flight]) -> bool:
        """List the servers anew if the list is too old for what is waited for; whether it was.

        A server that leaves is made anew as soon as it is gone, and one that comes is of interest when it can be probed.
        """
        before = time.monotonic()
        is_one_due = any(
            flight.phase is Phase.LEAVING or (flight.phase is Phase.COMING and not self._is_early(flight))
            for flight in flying.values()
        )
        if before - self._listed_at < (self.pace.list_s if is_one_due else LIST_S):
            return False
        servers = self.look()
        deaf = time.monotonic() - before
        self._there = {server.id for server in servers}
        found: dict[str, list[Server]] = {}
        for server in sorted(servers, key=best_first):
            found.setdefault(server.member, []).append(server)
        for flight in flying.values():
            flight.since += deaf
        self._listed, self._listed_at = found, time.monotonic()
        return True

    def _begin(
        self,
        pool: ThreadPoolExecutor,
        waiting: deque[Step],
        flying: dict[str, Flight],
        failed: dict[str, str],
        made_for: Callable[[Step], Made],
    ) -> None:
        """Ask for as many of WAITING as may be in flight; for none while one that failed is tried again."""
        if any(flight.again for flight in flying.values()):
            return
        away = sum(flight.step.action is not Action.CREATE for flight in flying.values())
        batch: list[Step] = []
        for step in list(waiting):
            takes_one_away = step.action in {Action.REBUILD, Action.REPLACE}
            if len(flying) + len(batch) >= self.pace.limit:
                break
            if takes_one_away and away >= self.nova.args.update.max_unavailable:
                continue
            away += takes_one_away
            batch.append(step)
            waiting.remove(step)
        now = time.monotonic()
        at_once = len(flying) + len(batch)
        flights = [Flight(step, made_for(step), Phase.COMING, now, now, at_once) for step in batch]
        if any(step.member in self._unanswered for step in batch):
            flights = self._not_heard(flights, flying)
        for flight, outcome in zip(flights, pool.map(self._ask, flights), strict=True):
            if isinstance(outcome, BusyError):
                self.pace.slow_down()
                waiting.appendleft(flight.step)
            elif outcome:
                failed[flight.step.member] = str(outcome)
                log_line(f"{flight.step.member}: {outcome}")
            else:
                flying[flight.step.key] = flight

    def _not_heard(self, flights: Sequence[Flight], flying: dict[str, Flight]) -> list[Flight]:
        """Those of FLIGHTS that Nova has to be asked for: what it did hear, though it did not answer, is FLYING."""
        there = {server.id: server for server in self.look()}
        members = {server.member for server in there.values()}
        left = []
        for flight in flights:
            step = flight.step
            server = there.get(step.server.id) if step.server else None
            is_there = step.action is Action.CREATE and step.member in members
            if step.member in self._unanswered and (is_there or _is_begun(step, server, flight.made)):
                flying[step.key] = flight
                continue
            flight.step = replace(step, server=server or step.server)  # as it is now, such as with its home
            left.append(flight)
        return left

    def _ask(self, flight: Flight) -> CloudError | None:
        step, member = flight.step, self.members.get(flight.step.member)
        try:
            if step.action in {Action.DELETE, Action.REPLACE} and step.server:
                flight.phase = Phase.LEAVING
                self.touched.add(step.member)
                self.nova.delete(step.server)
            elif step.action is Action.REBUILD and step.server and member:
                self.touched.add(step.member)
                self.nova.rebuild(step.server, member, flight.made)
            elif step.action is Action.CREATE and member:
                self.touched.add(step.member)
                self._create(flight, member)
        except BusyError as error:
            self._unanswered.add(step.member)
            return error
        except ConflictError as error:  # Nova does it already, if it has heard an earlier try
            return None if step.member in self._unanswered else error
        except CloudError as error:
            return error
        return None

    def _create(self, flight: Flight, member: Member) -> None:
        try:
            self.nova.create(member, flight.made, flight.step.server)
        except ConflictError as error:
            flight.lacking = str(error)
            flight.phase = Phase.LEAVING  # its port is still another's
        else:
            flight.enter(Phase.COMING)

    def _advance(self, probes: ThreadPoolExecutor, flight: Flight) -> str | None:
        """One step further: None on its way, an empty text where it is done, else why it failed."""
        found = self._listed.get(flight.step.member, [])
        try:
            if flight.phase is Phase.LEAVING:
                outcome = self._leaving(flight, found)
            elif not found:
                outcome = self._vanished(flight)
            elif flight.phase is Phase.COMING:
                outcome = self._coming(probes, flight, found[0])
            else:
                outcome = self._probing(probes, flight, found[0])
        except BusyError as error:
            self.pace.slow_down()
            flight.lacking = str(error)
            outcome = None
        except ConflictError as error:  # such as a start that Nova has heard and not answered
            flight.lacking = str(error)
            outcome = None
        except CloudError as error:
            return str(error)
        late = time.monotonic() - flight.since
        if outcome is not None or late <= self.pace.longest_s:
            return outcome
        reason = f"it is not well after {late:.0f} s: {flight.lacking or 'Nova is not done with it'}"
        # nova-compute or the broker was restarted in the midst of it: Nova says so for ever, and takes only a delete.
        if flight.phase is Phase.COMING and found and found[0].task and not flight.again:
            self._once_more(flight, found[0], reason)
            return None
        return reason

    def _leaving(self, flight: Flight, found: list[Server]) -> str | None:
        former = flight.step.server
        if former and former.id in self._there:
            flight.lacking = "Nova has not deleted it yet"
            return None
        member = self.members.get(flight.step.member)
        if flight.step.action is Action.DELETE or member is None:
            return ""
        if found:  # an earlier try was heard after all
            flight.enter(Phase.COMING)
        else:
            self._create(flight, member)
        return None

    def _vanished(self, flight: Flight) -> str | None:
        """A server that was asked for and that Nova does not list."""
        member = self.members.get(flight.step.member)
        if flight.step.action in {Action.REBUILD, Action.PROBE} and member:  # somebody deleted it meanwhile
            flight.step = Step(member.name, Action.CREATE, flight.step.reason, flight.step.server)
            self._create(flight, member)
        flight.lacking = "Nova does not list it"
        return None

    def _coming(self, probes: ThreadPoolExecutor, flight: Flight, server: Server) -> str | None:
        if server.status == "ERROR" and not server.task:
            reason = f"it is in ERROR: {server.fault or 'no reason is given'}"
            if flight.again or flight.step.action is Action.PROBE:
                return reason
            self._once_more(flight, server, reason)
            return None
        if server.status == "SHUTOFF" and not server.task:  # it was before, and a rebuild leaves it so
            self.nova.start(server)
        elif server.is_settled:
            self.pace.nova_times.append(time.monotonic() - flight.since)
            flight.enter(Phase.PROBING)
            return self._probing(probes, flight, server)
        else:
            flight.lacking = f"Nova says {server.status}, {server.task or 'no task'}"
        return None

    def _once_more(self, flight: Flight, server: Server, reason: str) -> None:
        """By a new server; a second time it is a failure."""
        log_line(f"{flight.step.member}: {reason}; it is replaced")
        flight.again = True
        self.nova.delete(server)
        flight.step = Step(flight.step.member, Action.REPLACE, flight.step.reason, server)
        flight.enter(Phase.LEAVING)

    def _probing(self, probes: ThreadPoolExecutor, flight: Flight, server: Server) -> str | None:
        if not server.is_settled:
            flight.enter(Phase.COMING)
            return None
        if flight.asked is None:
            if self._is_early(flight):
                return None
            args = self.nova.args
            # A rollback's image is another one, whose console says something else.
            digest = args.build_digest if flight.made.sha256 == args.wanted.sha256 else ""
            flight.asked = probes.submit(probe.look, self.nova, server, args.probe, digest)
        if not wait([flight.asked], timeout=_QUICK_S).done:
            return None
        asked, flight.asked = flight.asked, None
        shown = asked.result()
        flight.lacking = shown.lacking
        if shown.wrong:
            return shown.lacking
        if shown.lacking:
            return None
        self.nova.prove(server, shown.boot)
        if shown.host_keys:
            self.host_keys[flight.step.member] = list(shown.host_keys)
        return ""

    def _is_early(self, flight: Flight) -> bool:
        return self.pace.is_early(flight.step.action, time.monotonic() - flight.began)

    def _landed(self, flight: Flight) -> None:
        took = time.monotonic() - flight.began
        if flight.step.action is Action.DELETE:
            return
        self.downtime_s += took
        if flight.step.action is not Action.PROBE and not flight.again:
            self.pace.went_well(flight.step.action, took, flight.at_once)
        self.proved.add(flight.step.member)
        log_line(f"{flight.step.member}: is well after {took:.0f} s")


def _is_begun(step: Step, server: Server | None, made: Made) -> bool:
    """Whether Nova rebuilds SERVER as STEP says, or has: it changes image and metadata in one request."""
    if step.action is not Action.REBUILD or server is None or server.made is None or server.proved:
        return False
    return made.is_like(server.made)
