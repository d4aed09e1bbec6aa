"""All mutants, by area."""

from tests.mutants import fleets, identity, networks
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*fleets.MUTANTS, *identity.MUTANTS, *networks.MUTANTS)
