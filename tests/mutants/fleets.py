"""Faults in fleets: what is made anew, in which order, and what brings it back."""

from tests.mutants.mutant import Mutant

PLAN, RUN = "tests/unit/test_fleet_plan.py", "tests/unit/test_server_fleet.py"

MUTANTS = (
    Mutant("dynamic_providers.server_fleet.plan:_step", "and server.locked", "and not server.locked", PLAN),
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
        "if failed or not self.may_begin():",
        "if not self.may_begin():",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.flights:Flights._begin",
        "away >= self.nova.args.update.max_unavailable",
        "away > self.nova.args.update.max_unavailable",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.strays:collect",
        "if first is None or locked",
        "if locked",
        RUN,
    ),
    Mutant(
        "dynamic_providers.server_fleet.nova:servers_of",
        'if exact.only([row.get("metadata") or {}], ours)',
        "if row",
        RUN,
    ),
)
