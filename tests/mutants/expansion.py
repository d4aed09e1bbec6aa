"""Faults in growing Ceph: what must not be done, how fast it goes, and what is put back."""

from tests.mutants.mutant import Mutant

TESTS = "tests/unit/test_osd_expansion.py"

MUTANTS = (
    Mutant("dynamic_providers.osd_expansion.loop:Pace.recover", "self.sleep + 2", "self.sleep + 1", TESTS),
    Mutant("dynamic_providers.osd_expansion.loop:Pace.recover", "self._at(_ROOM)", "self._at(_AIM)", TESTS),
    Mutant("dynamic_providers.osd_expansion.loop:Pace.grow", "self._at(_AIM)", "self.bound", TESTS),
    Mutant(
        "dynamic_providers.osd_expansion.plan:Plan.refusals",
        "if share >= nearfull and",
        "if share > 1 and",
        TESTS,
    ),
    Mutant(
        "dynamic_providers.osd_expansion.plan:Plan.refusals", "if self.short:", "if not self.moves:", TESTS
    ),
    Mutant(
        "dynamic_providers.osd_expansion.work:_leaving",
        "entries.purged.get(osd, found.uuid) != found.uuid",
        "False",
        TESTS,
    ),
    Mutant("dynamic_providers.osd_expansion.work:_leaving", "if found.up:", "if not found:", TESTS),
    Mutant(
        "dynamic_providers.osd_expansion.journal:Journal.set_option",
        "if now != self._last.get(option, change.found):",
        "if now is None:",
        TESTS,
    ),
)
