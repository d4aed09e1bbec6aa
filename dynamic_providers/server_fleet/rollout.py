"""A fleet brought to what is declared: canary, bake, waves; back to the former image where that fails."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from clients.enumeration import enumerated
from clients.progress import log_line
from dynamic_providers.server_fleet import pace, probe
from dynamic_providers.server_fleet.declared import ServerFleetArgs
from dynamic_providers.server_fleet.flights import Flights
from dynamic_providers.server_fleet.nova import Nova
from dynamic_providers.server_fleet.pace import Pace
from dynamic_providers.server_fleet.plan import MAKING, Action, Step
from dynamic_providers.server_fleet.server import Made, Server
from dynamic_providers.server_fleet.stages import stages

_MOST_NAMED = 5


@dataclass
class Rollout:
    """One run.

    Attributes:
        failure: why it stopped, a sentence; empty where all went well.
        left: what the next run goes on with, a sentence; empty for nothing.
    """

    nova: Nova
    sleep: Callable[[float], None] = time.sleep
    failure: str = ""
    left: str = ""
    flights: Flights = field(init=False)

    def __post_init__(self) -> None:
        args = self.args
        self._ends = time.monotonic() + args.update.time_budget_s
        members = {member.name: member for member in args.members}
        at_first = Pace.at_first(args.update.max_unavailable, args.probe.within_s)
        self.flights = Flights(self.nova, members, at_first, self._has_time, sleep=self.sleep)

    @property
    def args(self) -> ServerFleetArgs:
        """What is declared."""
        return self.nova.args

    def run(self, steps: Sequence[Step]) -> None:
        """Carry STEPS out; how that went is in `failure` and `left`."""
        for step in steps:
            self._put_right(step)
        gone = self.flights.bring([step for step in steps if step.action is Action.DELETE], self._made)
        groups = [[], *stages(steps, self.args.update)]
        failed = gone
        for before, group in pairwise(groups):
            if failed or not self._has_time():
                break
            if before and (failed := self._bake(before)):
                break
            log_line(f"fleet {self.args.name}: {_named(group)}")
            failed = self.flights.bring(group, self._made)
        self._conclude(steps, failed)

    def _made(self, step: Step) -> Made:
        return Made.of(self.args.wanted, self.args.image_id, self.flights.members.get(step.member))

    def _put_right(self, step: Step) -> None:
        """What takes no root disk. A kill in between leaves what the next run finds to do again."""
        if step.server is None:
            return
        if step.action is Action.START and step.server.status == "SHUTOFF":
            self.nova.start(step.server)
        if step.action in {Action.UPDATE, Action.STOP, Action.START}:
            self.nova.put_right(step.server, self.flights.members[step.member])
        if step.action is Action.STOP:
            self.nova.stop(step.server)

    def _conclude(self, steps: Sequence[Step], failed: Mapping[str, str]) -> None:
        todo = {step.member for step in steps if step.action in MAKING or step.action is Action.PROBE}
        untouched = len(todo - self.flights.touched - self.flights.proved)
        if failed:
            reasons = "; ".join(
                f"{member}: {reason}" for member, reason in list(failed.items())[:_MOST_NAMED]
            )
            self.failure = f"fleet {self.args.name!r} stopped, because {reasons}. {self._rolled_back(failed)}"
            if untouched:
                self.failure += f" {untouched} of {len(todo)} servers were not touched."
        elif untouched:
            self.left = (
                f"fleet {self.args.name!r}: {len(todo) - untouched} of {len(todo)} servers are done after {self.args.update.time_budget_s} s, the "
                f"time budget; the next run goes on with {untouched}"
            )
        self._tell()

    def _rolled_back(self, failed: Mapping[str, str]) -> str:
        """Bring those of this rollout back to what they were made of before, if one of FAILED was made of something else."""
        if self.args.update.on_failure == "stop":
            return "It is left so, as update.on_failure says."
        servers = {server.member: server for server in self.flights.look()}
        back = {
            member: former
            for member, server in servers.items()
            if member in self.flights.members
            and server.made
            and server.made.is_like(Made.of(self.args.wanted, "", self.flights.members[member]))
            and (former := server.former)
        }
        if not failed.keys() & back.keys():
            return "There is no former image to go back to."
        steps = [_step_back(servers[member]) for member in sorted(back)]
        log_line(f"fleet {self.args.name}: back to the former image: {_named(steps)}")
        self._ends = float("inf")  # whatever it takes
        still = self.flights.bring(steps, lambda step: back[step.member], stops=False)
        well = len(steps) - len(still)
        count = f"{well} server{'s are' if well != 1 else ' is'} back on the former image."
        return count + "".join(f" {member} is not: {reason}." for member, reason in still.items())

    def _bake(self, group: Sequence[Step]) -> dict[str, str]:
        """Those of GROUP that do not stay well for as long as they have to."""
        ends = time.monotonic() + self.args.update.bake_s
        members = {step.member for step in group}
        if self.args.update.bake_s:
            log_line(f"fleet {self.args.name}: {_named(group)} bake for {self.args.update.bake_s} s")
        while True:
            servers = {server.member: server for server in self.flights.look() if server.member in members}
            failed = {
                member: "it was well, and Nova does not have it ACTIVE any more"
                for member in members
                if member not in servers or servers[member].status != "ACTIVE"
            }
            if failed:
                return failed
            if time.monotonic() >= ends:
                return {
                    member: f"it was well, and is not any more: {lacking}"
                    for member, server in servers.items()
                    if (lacking := probe.outside(server, self.args.probe))
                }
            self.sleep(min(pace.POLL_S, max(0.0, ends - time.monotonic())))

    def _has_time(self) -> bool:
        return time.monotonic() < self._ends

    def _tell(self) -> None:
        """Say what the run cost."""
        done, asked = self.flights, self.nova.requests
        if not done.touched:
            return
        requests = ", ".join(f"{count} {kind}" for kind, count in sorted(asked.items()))
        log_line(
            f"fleet {self.args.name}: {len(done.touched)} servers touched, {done.downtime_s / 60:.1f} minutes of servers "
            f"away in all, the slowest {done.pace.slowest_s:.0f} s; requests: {requests}"
        )


def _step_back(server: Server) -> Step:
    busy = server.task or server.host_is_down
    return Step(server.member, Action.REPLACE if busy else Action.REBUILD, "the new image failed", server)


def _named(steps: Sequence[Step]) -> str:
    return enumerated([step.member for step in steps[:_MOST_NAMED]], len(steps))
