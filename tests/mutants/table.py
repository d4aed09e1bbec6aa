"""All mutants, by area."""

from tests.mutants import expansion, fleets, identity, networks
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*expansion.MUTANTS, *fleets.MUTANTS, *identity.MUTANTS, *networks.MUTANTS)
