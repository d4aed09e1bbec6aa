"""Faults in fleets: what is made anew, in which order, and what brings it back."""

from tests.mutants.mutant import Mutant

PEOPLE = "tests/unit/test_fleet_people.py"
PLAN, RUN = "tests/unit/test_fleet_plan.py", "tests/unit/test_server_fleet.py"

MUTANTS = (
    Mutant("dynamic_providers.server_fleet.plan:_why_not", "if server.locked", "if not server.locked", PLAN),
    Mutant(
        "dynamic_providers.server_fleet.people:people", "if is_over and is_announced", "if is_over", PEOPLE
    ),
    Mutant(
        "dynamic_providers.server_fleet.people:_by_machine",
        "is_own or (record is None",
        "is_own or (machine",
        PEOPLE,
    ),
    Mutant(
        "dynamic_providers.server_fleet.manners:why_it_waits",
        "how.now.date() >= how.deadline",
        "how.now.date() > how.deadline",
        PEOPLE,
    ),
    Mutant(
        "dynamic_providers.server_fleet.plan:_as_declared",
        "if server.proved:\n            return Action.REBUILD",
        "if not server.proved:\n            return Action.REBUILD",
        PLAN,
    ),
    Mutant("dynamic_providers.server_fleet.plan:best_first", "not server.proved", "server.proved", PLAN),
    Mutant("dynamic_providers.server_fleet.stages:stages", "bound - done", "bound", PLAN),
    Mutant("dynamic_providers.server_fleet.probe:on_console", "!= boot_before", "!= 0", PLAN),
    Mutant(
        "dynamic_providers.server_fleet.server:metadata_for",
        "before.sha256 != made.sha256",
        "before.sha256 == made.sha256",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.flights:Flights.bring",
        "if (failed and stops) or not self.may_begin():",
        "if not self.may_begin():",
        RUN,
    ),
    Mutant("dynamic_providers.server_fleet.rollout:Rollout._rolled_back", ", stops=False", "", RUN),
    Mutant(
        "dynamic_providers.server_fleet.flights:Flights._list",
        "flight.phase is Phase.LEAVING or",
        "",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.flights:Flights._begin",
        "away >= self.nova.args.update.max_unavailable",
        "away > self.nova.args.update.max_unavailable",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.flights:Flights._begin",
        "if any(step.member in self._unanswered for step in batch):",
        "if not batch:",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.flights:Flights.bring",
        "if anew or flight.phase is Phase.PROBING",
        "if flight",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.pace:Pace.went_well",
        "seconds > _SLOWER * quickest",
        "seconds > _SLOWER * seconds",
        PLAN,
    ),
    Mutant("dynamic_providers.server_fleet.pace:Pace.is_early", "_EARLY * median(last)", "min(last)", PLAN),
    Mutant("dynamic_providers.server_fleet.flights:_is_begun", " or server.proved", "", RUN),
    Mutant("dynamic_providers.server_fleet.nova:Nova.create", ", **_ONCE", "", RUN),
    Mutant(
        "dynamic_providers.server_fleet.preflight:_quota",
        "goes = {Action.DELETE, Action.REPLACE}",
        "goes = {Action.DELETE}",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.preflight:_quota",
        "step.action in {Action.CREATE, Action.REPLACE}",
        "step.action is Action.CREATE",
        RUN,
    ),
    Mutant("dynamic_providers.server_fleet.strays:collect", "< CERTAIN_AFTER", "< -CERTAIN_AFTER", RUN),
    Mutant(
        "dynamic_providers.server_fleet.strays:stray_allocations",
        'if exact.only([_placement(nova, f"/allocations/{consumer}")], whose)',
        "if consumer",
        RUN,
    ),
    Mutant("dynamic_providers.server_fleet.strays:stray_allocations", "consumers - known", "consumers", RUN),
    Mutant("dynamic_providers.server_fleet.strays:stray_ports", '"description": description, ', "", RUN),
    Mutant(
        "dynamic_providers.server_fleet.nova:servers_of",
        'if exact.only([row.get("metadata") or {}], whose)',
        "if row",
        RUN,
    ),
)
