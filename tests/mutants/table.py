"""All mutants, by area."""

from tests.mutants import identity, networks
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*identity.MUTANTS, *networks.MUTANTS)
